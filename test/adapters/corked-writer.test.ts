import t from 'tap';
import { CorkedWriter } from '../../adapters/uws/corked-writer.js';

t.test('every frame is sent as it is, also one that comes again', async (t) => {
  const frames = [
    '',
    '',
    'a',
    'b',
    'b',
    'ü',
    'ü',
    'ü',
    'b',
    'b',
    'a',
    'a',
    'a',
    'ü',
    'x'.repeat(20_000),
    'b',
    '',
  ];
  const sent: string[] = [];
  const ws = {
    send(given: unknown): number {
      sent.push(typeof given === 'string' ? given : Buffer.from(given as Uint8Array).toString());
      return 1;
    },
    cork(call: () => void) {
      call();
      return ws as never;
    },
  };
  const writer = new CorkedWriter();
  t.ok(writer.write(ws, frames));
  t.ok(writer.write(ws, [...frames].reverse()));
  t.same(sent, [...frames, ...[...frames].reverse()]);
});
