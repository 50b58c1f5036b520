import fc from 'fast-check';
import t from 'tap';
import { eventReader } from '../../../api/client/sse-text.js';

function readAll(pieces: readonly string[]): { type: string; data: string }[] {
  const events: { type: string; data: string }[] = [];
  const read = eventReader((type, data) => events.push({ type, data }));
  pieces.forEach(read);
  return events;
}

t.test('however a stream is cut into pieces, the same events are read', async (t) => {
  const event = fc.record({ type: fc.constantFrom('', 'end'), data: fc.json() });
  fc.assert(
    fc.property(fc.array(event), fc.array(fc.nat(40)), (events, cuts) => {
      const text = events
        .map(({ type, data }) => `:\n\nid: 7\n${type === '' ? '' : `event: ${type}\n`}data: ${data}\n\n`)
        .join('');
      const pieces: string[] = [];
      let at = 0;
      for (const cut of cuts) pieces.push(text.slice(at, (at += cut)));
      pieces.push(text.slice(at));
      t.same(readAll(pieces), events);
    }),
  );
});

t.test('what has no data, or is not whole yet, is no event', async (t) => {
  t.same(readAll([':\n\nretry: 10\n\nevent: end\n\ndata: half\n']), []);
});

t.test('a message in which other lines seem to begin is read as it was posted', async (t) => {
  for (const text of ['one\u2028event: end', 'one\u2029data: {"code":4403}', '\u2028', 'a\r\nevent: end']) {
    const data = JSON.stringify({ type: 'message', text });
    t.same(readAll([`id: 7\ndata: ${data}\n\n`]), [{ type: '', data }]);
  }
});
