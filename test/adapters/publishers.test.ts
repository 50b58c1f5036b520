import t from 'tap';
import { Publishers } from '../../adapters/uws/publishers.js';

function app(name: string, published: string[]) {
  return {
    publish(topic: unknown, frame: unknown): boolean {
      published.push(`${name}: ${String(topic)} ${String(frame)}`);
      return true;
    },
  };
}

t.test('a frame is published once in each app with a WebSocket, also one that opens in an old app', (t) => {
  const published: string[] = [];
  const publishers = new Publishers();
  const toWhom = (): string[] => {
    publishers.publish('room', 'x');
    return published.splice(0).sort();
  };
  const old = publishers.add(app('old', published));
  t.same(toWhom(), [], 'to nobody');
  old.opened();
  old.opened();
  const fresh = publishers.add(app('fresh', published));
  t.same(toWhom(), ['old: room x']);
  fresh.opened();
  t.same(toWhom(), ['fresh: room x', 'old: room x']);
  old.closed();
  t.same(toWhom(), ['fresh: room x', 'old: room x'], 'one is left');
  old.closed();
  t.same(toWhom(), ['fresh: room x']);
  // An HTTP connection that was kept alive asks for a WebSocket.
  old.opened();
  t.same(toWhom(), ['fresh: room x', 'old: room x']);
  t.end();
});
