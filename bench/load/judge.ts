import type { Connection } from './connection.js';
import { packed } from './latency.js';
import type { CheckReport, Expected, OrderSeen, Posted, PostedReport } from './orders.js';
import type { People } from './people.js';
import type { Poster } from './poster.js';
import type { View } from './view.js';

const MOST_DETAILS = 10;

/** What became of the posts of this process, and what was seen here. */
export function posted({ connections }: People): PostedReport {
  const seen = new Map<number, number>();
  const posters: Posted[] = [];
  for (const one of connections) {
    const { seat, view, poster } = one;
    const room = seat.room.index;
    if (view) seen.set(room, Math.max(seen.get(room) ?? 0, view.total));
    if (poster) {
      const { sent, refused } = poster;
      posters.push({ seat: seat.index, room, sent, refused, unsure: unsureOf(one, poster) });
    }
  }
  return { posters, seen: [...seen] };
}

function unsureOf({ exempt, view, seat }: Connection, poster: Poster): number {
  if (!exempt) return poster.queued;
  const sure = Math.max(poster.acked, view?.seen[seat.member] ?? 0);
  return Math.max(0, poster.sent - sure - poster.refused);
}

interface Verdict {
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
}

/** Compares what the connections of this process have with what they should have. */
export function check(people: People, expected: Expected): CheckReport {
  const sum = { lost: 0, doubled: 0, disordered: 0 };
  const details: string[] = [];
  const orders = new Map<string, { room: number; hash: number; count: number; seat: number }>();
  const posters = byRoom(expected.posters);
  for (const one of people.connections) {
    const { room, index } = one.seat;
    if (!room.talks || one.exempt) continue;
    const wanted = expected.rooms[room.index] ?? 0;
    const { lost, doubled, disordered } = one.view
      ? readersVerdict(one.view, room.firstSeat, wanted, posters.get(room.index) ?? [])
      : countersVerdict(one.messages, wanted);
    sum.lost += lost;
    sum.doubled += doubled;
    sum.disordered += disordered;
    if (lost + doubled + disordered > 0) {
      if (details.length < MOST_DETAILS)
        details.push(
          `${room.id}, user-${index}: ${one.messages} messages of ${wanted}: ` +
            `${lost} lost, ${doubled} doubled, ${disordered} not in order`,
        );
    } else if (one.view) {
      const { hash } = one.view;
      const key = `${room.index} ${hash}`;
      const order = orders.get(key) ?? { room: room.index, hash, count: 0, seat: index };
      order.count++;
      orders.set(key, order);
    }
  }
  const groups = people.tallies.map(({ refused, closed, delivery, ack, late }) => ({
    refused,
    closed,
    delivery: packed(delivery),
    ack: packed(ack),
    late: packed(late),
  }));
  return { ...sum, details, orders: [...orders.values()] satisfies OrderSeen[], groups };
}

/** Who counts only. */
function countersVerdict(messages: number, wanted: number): Verdict {
  return { lost: Math.max(0, wanted - messages), doubled: Math.max(0, messages - wanted), disordered: 0 };
}

/** Who reads: a poster's messages that it lacks are lost, but for as many as may not have been posted. */
function readersVerdict(view: View, firstSeat: number, wanted: number, posters: readonly Posted[]): Verdict {
  let lost = 0;
  for (const { seat, sent, refused, unsure } of posters)
    lost += Math.max(0, sent - refused - unsure - (view.seen[seat - firstSeat] ?? 0));
  return {
    lost: Math.max(lost, wanted - view.total),
    doubled: view.doubled + view.foreign,
    disordered: view.disordered,
  };
}

function byRoom(posters: readonly Posted[]): Map<number, Posted[]> {
  const rooms = new Map<number, Posted[]>();
  for (const one of posters) {
    const room = rooms.get(one.room);
    if (room) room.push(one);
    else rooms.set(one.room, [one]);
  }
  return rooms;
}
