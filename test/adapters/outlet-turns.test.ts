import t from 'tap';
import { GatheredOutlet } from '../../adapters/uws/gathered-outlet.js';
import { turns } from '../support/clock.js';

/** Senders that write down that they have written. */
function outlet() {
  const written: string[] = [];
  const out = new GatheredOutlet({ publish: () => true }, 1_000_000);
  const sender = (name: string) => ({ write: () => void written.push(name) });
  return { out, written, sender };
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
    for (const end = performance.now() + 10; performance.now() < end;);
    await turns(1);
    out.writeSoon(sender('one'));
    out.writeSoon(sender('two'));
    t.same(written, [], 'together with what comes in the same callback');
    await Promise.resolve();
    t.same(written, ['early', 'one', 'two'], 'behind what waits already');
  },
);
