import t from 'tap';
import { GatheredOutlet } from '../../adapters/uws/gathered-outlet.js';
import { turns } from '../support/clock.js';
import { until } from '../support/until.js';

/** Senders and topics that write down what they have written. `flushMs`: what each frame of a topic takes. */
function outlet(flushMs = 0) {
  const written: string[] = [];
  const publish = (_: string, frame: string | Uint8Array): boolean => {
    written.push(Buffer.from(frame).toString());
    busyFor(flushMs);
    return true;
  };
  const out = new GatheredOutlet({ publish }, 1_000_000);
  const sender = (name: string) => ({ write: () => void written.push(name) });
  return { out, written, sender };
}

function busyFor(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

/** An outlet whose last flush took this many ms. */
async function afterFlush(flushMs: number) {
  const made = outlet(flushMs);
  made.out.publish('room', 'first');
  await turns(30);
  made.written.pop();
  return made;
}

t.test(
  'while turns of the event loop are short, a frame waits some of them for others to its socket',
  async (t) => {
    const { out, written, sender } = outlet();
    out.writeSoon(sender('one'));
    await Promise.resolve();
    t.same(written, [], 'not at once');
    await turns(6);
    t.same(written, ['one']);
  },
);

t.test(
  'while turns are long, because somebody floods, a frame is written in the turn in which it comes',
  async (t) => {
    const { out, written, sender } = outlet();
    out.writeSoon(sender('early'));
    busyFor(10);
    await turns(1);
    out.writeSoon(sender('one'));
    out.writeSoon(sender('two'));
    t.same(written, [], 'together with what comes in the same callback');
    await Promise.resolve();
    t.same(written, ['early', 'one', 'two'], 'behind what waits already');
  },
);

/** A flush whose half is longer than a slow machine takes for some turns, ms. */
const LONG_FLUSH_MS = 1_000;

t.test('frames to a room wait for events that are being stored, and go with theirs', async (t) => {
  const { out, written } = await afterFlush(LONG_FLUSH_MS);
  out.publish('room', 'one');
  out.expectMore(true);
  await turns(60);
  t.same(written, [], 'longer than for anything else');
  out.expectMore(false);
  await turns(10);
  out.publish('room', 'two');
  t.same(written, [], 'their events need some turns to come');
  await turns(30);
  t.same(written, ['one', 'two']);
});

t.test('the event loop sleeps meanwhile, so that the store has the core', async (t) => {
  const { out } = await afterFlush(LONG_FLUSH_MS);
  out.publish('room', 'one');
  out.expectMore(true);
  await turns(10);
  t.notOk(process.getActiveResourcesInfo().includes('Immediate'));
  out.expectMore(false);
  t.ok(process.getActiveResourcesInfo().includes('Immediate'));
  await turns(60);
});

t.test('frames for single sockets do not wait for that', async (t) => {
  const { out, written, sender } = await afterFlush(LONG_FLUSH_MS);
  out.publish('room', 'one');
  out.expectMore(true);
  await turns(10);
  out.writeSoon(sender('ack'));
  await turns(6);
  t.same(written, ['ack']);
  out.expectMore(false);
  await turns(60);
});

t.test('a store that does not answer holds frames for half of the last flush, not longer', async (t) => {
  const { out, written } = await afterFlush(60);
  const since = performance.now();
  out.publish('room', 'one');
  out.expectMore(true);
  await until(() => written.length > 0, { what: 'the flush' });
  t.ok(performance.now() - since >= 29, 'half of it, but for the clock');
  t.same(written, ['one']);
  await turns(3);
  t.notOk(process.getActiveResourcesInfo().includes('Immediate'), 'and nothing goes on');
});

t.test('where a flush takes less than a timer can wait, nothing waits for the store', async (t) => {
  const { out, written } = await afterFlush(0);
  out.publish('room', 'one');
  out.expectMore(true);
  await turns(30);
  t.same(written, ['one']);
});
