import fc from 'fast-check';
import t from 'tap';
import { eventReader, type StreamEvent } from '../../../api/client/sse-text.js';

function readAll(pieces: readonly string[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const read = eventReader((event) => events.push(event));
  pieces.forEach(read);
  return events;
}

t.test('however a stream is cut into pieces, the same events are read', async () => {
  const data = fc.json();
  const event = fc.record({ type: fc.constantFrom('message', 'end'), data });
  const eol = fc.constantFrom('\n', '\r\n');
  fc.assert(
    fc.property(fc.array(event), eol, fc.array(fc.nat(40)), (events, end, cuts) => {
      const text = events
        .map(({ type, data }) => {
          const name = type === 'message' ? '' : `event: ${type}${end}`;
          return `: a comment${end}id: 7${end}${name}data: ${data}${end}${end}`;
        })
        .join('');
      const pieces: string[] = [];
      let at = 0;
      for (const cut of cuts) pieces.push(text.slice(at, (at += cut)));
      pieces.push(text.slice(at));
      t.same(readAll(pieces), events);
    }),
  );
});

t.test('data of several lines is one, and what has no data is no event', async (t) => {
  t.same(readAll(['data: a\ndata:b\ndata\n\nevent: end\n\nretry: 10\n\ndata: half']), [
    { type: 'message', data: 'a\nb\n' },
  ]);
});
