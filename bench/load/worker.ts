import type { Connection } from './connection.js';
import { endTurn, turnTime } from './crew.js';
import { latencies, packed, record } from './latency.js';
import { addressFor } from './layout.js';
import { check, posted } from './judge.js';
import { clock } from './marker.js';
import type { Assignment, Handlers, Order, OrderName, Reply, WindowReport } from './orders.js';
import { gather, schedulesOf, type People } from './people.js';
import { hasAnswers, quiet } from './quiet.js';
import { returning } from './returning.js';
import { runSchedules } from './schedule.js';
import { NEVER, renew } from './tally.js';

/** What a process does when its parent orders it. */
function handlersFor(people: People): Handlers {
  const { plan, self, crew, connections, tallies } = people;
  const slow = connections.filter(({ seat }) => seat.role === 'slow');
  let stopSchedules = (): void => undefined;
  let atBegin = snapshot(people);
  return {
    ready: () => null,
    async connect() {
      const welcome = latencies();
      const rest = connections.entries();
      const some = async (): Promise<void> => {
        for (const [n, one] of rest) {
          const begun = clock();
          await one.open(addressFor(plan, self, n), null);
          record(welcome, clock() - begun);
          if (one.seat.role === 'slow') one.socket?.pause();
        }
      };
      await Promise.all(Array.from({ length: Math.ceil(plan.connecting / plan.processes) }, some));
      return { connections: connections.length, welcome: packed(welcome) };
    },
    post({ at }) {
      for (const tally of tallies) renew(tally);
      crew.window = NEVER;
      crew.posting = true;
      for (const one of slow) one.socket?.pause();
      for (const one of connections) begin(people, one);
      endTurn(crew);
      stopSchedules = runSchedules(schedulesOf(people), at, () => endTurn(crew));
      return null;
    },
    begin() {
      crew.window = { begin: clock(), end: Infinity };
      atBegin = snapshot(people);
      return null;
    },
    end() {
      crew.window.end = clock();
      return difference(atBegin, snapshot(people));
    },
    halt() {
      crew.posting = false;
      stopSchedules();
      return posted(people);
    },
    settle: ({ rooms }) =>
      quiet(
        people,
        connections.filter((one) => !one.exempt && one.seat.room.talks),
        (one) =>
          one.messages >= (rooms[one.seat.room.index] ?? 0) &&
          (crew.dialect.acks !== 'always' || hasAnswers(one)),
      ),
    posted: () => posted(people),
    check: (expected) => check(people, expected),
    async drain() {
      for (const one of slow) one.socket?.resume();
      // Whoever has been closed has nothing to wait for.
      if (slow.length > 0) await quiet(people, slow, (one) => !one.isIn);
      return null;
    },
    ...returning(people),
  };
}

function begin({ plan, crew }: People, one: Connection): void {
  const load = plan.groups[one.seat.room.group]?.load;
  if (load?.type !== 'closed' || !one.poster) return;
  for (let i = 0; i < load.inFlight; i++) one.post(turnTime(crew));
}

function snapshot({ tallies }: People): WindowReport {
  const { user, system } = process.cpuUsage();
  return {
    seconds: clock() / 1e6,
    cpuSeconds: (user + system) / 1e6,
    groups: tallies.map(({ posts, deliveries, acks, others }) => ({ posts, deliveries, acks, others })),
  };
}

function difference(from: WindowReport, to: WindowReport): WindowReport {
  return {
    seconds: to.seconds - from.seconds,
    cpuSeconds: to.cpuSeconds - from.cpuSeconds,
    groups: to.groups.map((group, i) => {
      const { posts = 0, deliveries = 0, acks = 0, others = 0 } = from.groups[i] ?? {};
      return {
        posts: group.posts - posts,
        deliveries: group.deliveries - deliveries,
        acks: group.acks - acks,
        others: group.others - others,
      };
    }),
  };
}

async function obey<N extends OrderName>(handlers: Handlers, { name, given }: Order<N>): Promise<Reply> {
  try {
    return { answer: await handlers[name](given) };
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) };
  }
}

// One of several processes that start.ts starts and talks to; without it there is nothing to do.
process.once('disconnect', () => process.exit(0));
process.once('message', (assignment: Assignment) => {
  const handlers = handlersFor(gather(assignment));
  process.on('message', (order: Order) => void obey(handlers, order).then((reply) => process.send?.(reply)));
});
