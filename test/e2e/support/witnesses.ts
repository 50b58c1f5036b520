import type { Test } from 'tap';
import { startParlor, type Client, type Env, type Parlor } from '../../support/parlor.js';
import { metrics } from './metrics.js';

/** Where the attacks go. It has a seat for everybody. */
export const ATTACKED = 'channel:attacked';
const CALM = 'calm';

/** A program under attack, with two pairs of innocents: one in the attacked room, one elsewhere. */
export interface Besieged {
  readonly parlor: Parlor;
  /** Each pair exchanges a message, with the seq after the last one; nothing has crashed and nobody was cut off. */
  unharmed(t: Test, after: string): Promise<void>;
}

export async function besiege(t: Test, env: Env = {}): Promise<Besieged> {
  const parlor = await startParlor(env);
  t.teardown(() => parlor.end());
  const pairs = await Promise.all(
    [ATTACKED, CALM].map(async (room) => {
      const both = [await parlor.join(room, 'user=alice'), await parlor.join(room, 'user=bob')];
      return { room, both: both as [Client, Client], exchanged: 0 };
    }),
  );
  return {
    parlor,
    async unharmed(t, after) {
      const faults: string[] = [];
      for (const pair of pairs) {
        const [alice, bob] = pair.both;
        const n = ++pair.exchanged;
        const [from, to] = n % 2 === 0 ? [alice, bob] : [bob, alice];
        from.send({ type: 'post', text: `after ${n}` });
        for (const client of [from, to]) {
          const message = await client.next('message');
          if (message['seq'] !== n || message['text'] !== `after ${n}`) {
            faults.push(`in ${pair.room}, expected ${n}: ${JSON.stringify(message)}`);
          }
        }
        if (from.of('error').length + to.of('error').length > 0) faults.push(`${pair.room}: an error`);
      }
      const value = await metrics(parlor);
      for (const actor of ['room', 'audience', 'connection', 'bridge', 'journal']) {
        if (value(`parlor_crashes_total{actor="${actor}"}`) > 0) faults.push(`a crash of ${actor}`);
      }
      faults.push(...parlor.logs.filter(({ level }) => level >= 50).map((line) => JSON.stringify(line)));
      if (parlor.stderr() !== '') faults.push(parlor.stderr());
      t.same(faults, [], `${after}: nobody else noticed`);
    },
  };
}
