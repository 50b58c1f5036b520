import { merged } from './latency.js';
import type { RoomPlace } from './layout.js';
import type { CheckReport, Expected, OrderSeen, PostedReport, WindowReport } from './orders.js';
import type { Faults, GroupResult, LoadPlan } from './plan.js';
import { increase } from './tally.js';

const MOST_DETAILS = 10;
/** Beyond this the load is not what was planned. */
const LATE_MS = 100;

/** What everybody should have got, of what the processes have posted. */
export function expectedOf(rooms: readonly RoomPlace[], reports: readonly PostedReport[]): Expected {
  const posters = reports.flatMap((report) => report.posters);
  const totals = new Array<number>(rooms.length).fill(0);
  for (const { room, sent, refused, unsure } of posters)
    totals[room] = (totals[room] ?? 0) + sent - refused - unsure;
  // Of those that one cannot be sure of, so many came.
  for (const [room, messages] of reports.flatMap((report) => report.seen))
    totals[room] = Math.max(totals[room] ?? 0, messages);
  return { posters, rooms: totals };
}

export function groupResults(
  plan: LoadPlan,
  windows: readonly WindowReport[],
  checks: readonly CheckReport[],
): GroupResult[] {
  return plan.groups.map(({ name }, i) => {
    const counted = windows.flatMap(({ groups }) => groups[i] ?? []);
    const parts = checks.flatMap(({ groups }) => groups[i] ?? []);
    return {
      name,
      posts: sum(counted.map(({ posts }) => posts)),
      deliveries: sum(counted.map(({ deliveries }) => deliveries)),
      acks: sum(counted.map(({ acks }) => acks)),
      others: sum(counted.map(({ others }) => others)),
      refused: addUp(parts.map(({ refused }) => refused)),
      closed: addUp(parts.map(({ closed }) => closed)),
      delivery: merged(parts.map(({ delivery }) => delivery)),
      ack: merged(parts.map(({ ack }) => ack)),
      late: merged(parts.map(({ late }) => late)),
    };
  });
}

export function faultsOf(
  rooms: readonly RoomPlace[],
  checks: readonly CheckReport[],
  groups: readonly GroupResult[],
  wasQuiet: boolean,
): Faults {
  const others = ordersOfTheFew(checks.flatMap(({ orders }) => orders));
  const details = [
    ...(wasQuiet ? [] : ['messages still came long after the last post: the counts are of the moment']),
    ...groups
      .filter(({ late }) => late.p99 > LATE_MS)
      .map(({ name, late }) => `${name}: the load was late, p99 ${late.p99} ms, max ${late.max} ms`),
    ...checks.flatMap((one) => one.details),
    ...others.map(
      ({ room, seat, count }) =>
        `${rooms[room]?.id ?? room}, user-${seat}: saw another order than the others (${count} such connections)`,
    ),
  ];
  return {
    lost: sum(checks.map(({ lost }) => lost)),
    doubled: sum(checks.map(({ doubled }) => doubled)),
    disordered: sum(checks.map(({ disordered }) => disordered)) + sum(others.map(({ count }) => count)),
    details: details.slice(0, MOST_DETAILS),
  };
}

/** In each room, who saw an order that is not the one that most saw. */
function ordersOfTheFew(orders: readonly OrderSeen[]): OrderSeen[] {
  const rooms = new Map<number, Map<number, OrderSeen>>();
  for (const order of orders) {
    const room = rooms.get(order.room) ?? new Map<number, OrderSeen>();
    rooms.set(order.room, room);
    const same = room.get(order.hash);
    room.set(order.hash, same ? { ...same, count: same.count + order.count } : order);
  }
  return [...rooms.values()].flatMap((room) => {
    const [, ...few] = [...room.values()].sort((a, b) => b.count - a.count);
    return few;
  });
}

export const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

function addUp(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const part of parts) for (const [key, count] of Object.entries(part)) increase(all, key, count);
  return all;
}
