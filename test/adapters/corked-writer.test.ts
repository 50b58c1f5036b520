import t from 'tap';
import { CorkedWriter } from '../../adapters/uws/corked-writer.js';

t.test('every frame is sent as it is, although short ones share a buffer', async (t) => {
  const frames = ['', 'a', 'ü', '{"type":"pong"}', 'a'.repeat(1_024), 'b'.repeat(1_025), 'ü'.repeat(600), 'b'];
  const sent: string[] = [];
  const ws = {
    // Copied at once, as uWebSockets.js does it.
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
