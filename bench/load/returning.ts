import type { Connection } from './connection.js';
import { endTurn, turnTime } from './crew.js';
import { latencies, packed, record } from './latency.js';
import { addressFor } from './layout.js';
import { clock } from './marker.js';
import type { Handlers } from './orders.js';
import type { People } from './people.js';
import { arrival, quiet } from './quiet.js';

/** Around a reconnect: everybody notes seqs, all but a few are dropped, those post, and everybody comes back. */
export function returning(
  people: People,
): Pick<Handlers, 'track' | 'keep' | 'caughtUp' | 'drop' | 'comeBack'> {
  const { plan, self, crew, connections } = people;
  const talking = connections.filter(({ seat }) => seat.room.talks);
  /** In each talking room one stays, and posts while the others are away. */
  const keepers = new Set(talking.filter(({ seat }) => seat.member === 0));
  const before = new Map<Connection, number>();

  const attend = (tracking: boolean): null => {
    crew.tracking = tracking;
    for (const one of connections) if (one.isIn) one.attend();
    return null;
  };
  return {
    track() {
      for (const one of talking) before.set(one, one.messages);
      return attend(true);
    },
    async keep({ posts }) {
      const here = [...keepers].filter((one) => one.isIn);
      const wanted = new Map(here.map((one) => [one, (one.view?.seen[0] ?? 0) + posts]));
      for (const one of here) for (let i = 0; i < posts; i++) one.post(turnTime(crew));
      endTurn(crew);
      await arrival(
        people,
        here,
        (one) => (one.view?.seen[0] ?? 0) >= (wanted.get(one) ?? 0),
        'what they posted themselves',
      );
      return here.map(({ seat, lastSeq }) => [seat.room.index, posts, lastSeq ?? 0] as const);
    },
    async caughtUp({ kept }) {
      const more = new Map(kept.map(([room, posts]) => [room, posts]));
      await arrival(
        people,
        talking.filter((one) => one.isIn && !one.exempt),
        (one) => one.messages - (before.get(one) ?? 0) >= (more.get(one.seat.room.index) ?? 0),
        'the last message before they are dropped',
      );
      return null;
    },
    drop() {
      for (const one of connections) if (!keepers.has(one) || !one.isIn) one.drop();
      return null;
    },
    async comeBack({ kept }) {
      const welcome = latencies();
      const heads = new Map(kept.map(([room, , seq]) => [room, seq]));
      const away = [...connections.entries()].filter(([, one]) => !one.isIn);
      await Promise.all(
        away.map(async ([n, one]) => {
          const begun = clock();
          await one.open(addressFor(plan, self, n), one.lastSeq);
          record(welcome, clock() - begun);
        }),
      );
      const hasAll = (one: Connection): boolean =>
        one.isIn &&
        one.gaps === 0 &&
        (one.lastSeq ?? 0) >= Math.max(one.headSeq, heads.get(one.seat.room.index) ?? 0);
      const back = away.map(([, one]) => one);
      if (!back.every(hasAll)) await quiet(people, back, hasAll);
      attend(false);
      const stayed = connections.length - away.length;
      return {
        connections: away.length,
        welcome: packed(welcome),
        recovered: stayed + back.filter(hasAll).length,
      };
    },
  };
}
