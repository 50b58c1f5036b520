import { Connection } from './connection.js';
import { DIALECTS } from './dialects.js';
import { newCrew, type Crew } from './crew.js';
import { textFrame } from './frames.js';
import { roomsOf, seatsFor, type RoomPlace, type Seat } from './layout.js';
import type { Assignment } from './orders.js';
import type { Group, LoadPlan } from './plan.js';
import { newPoster } from './poster.js';
import type { Schedule } from './schedule.js';
import { newTally, type Tally } from './tally.js';
import { emptyView } from './view.js';

/** Everything that one process holds. */
export interface People {
  readonly plan: LoadPlan;
  readonly self: number;
  readonly crew: Crew;
  readonly rooms: readonly RoomPlace[];
  /** By group. */
  readonly tallies: readonly Tally[];
  readonly connections: readonly Connection[];
}

export function gather({ plan, self }: Assignment): People {
  const crew = newCrew(DIALECTS[plan.dialect]);
  const rooms = roomsOf(plan);
  const tallies = plan.groups.map(newTally);
  /** Rooms that have somebody here who reads. */
  const checked = new Set<number>();
  const connections = seatsFor(plan, rooms, self).map((seat) => {
    const group = plan.groups[seat.room.group] as Group;
    const tally = tallies[seat.room.group] as Tally;
    const first = !checked.has(seat.room.index);
    const checks = seat.role === 'member' && seat.room.talks && (first || reads(group, seat.member));
    if (checks) checked.add(seat.room.index);
    return new Connection(
      seat,
      crew,
      tally,
      seat.role === 'poster'
        ? newPoster(seat, crew.dialect, plan.textBytes, tally, group.load.type === 'open')
        : null,
      seat.role === 'poster' || checks ? emptyView(group.posters) : null,
      group.load.type === 'closed',
    );
  });
  return { plan, self, crew, rooms, tallies, connections };
}

/** Whether this is one of the readers that the group asks for. */
function reads({ members, readers = 0 }: Group, member: number): boolean {
  return readers > 0 && member % Math.max(1, Math.floor(members / readers)) === 0;
}

/** What is posted on a schedule, and who types. */
export function schedulesOf({ plan, crew, rooms, connections }: People): Schedule[] {
  const { typing } = crew.dialect;
  const frame = typing === null ? null : textFrame(typing);
  return plan.groups.flatMap((group, index) => {
    const talking = rooms.filter((room) => room.group === index && room.talks);
    const here = connections.filter(({ seat }) => seat.room.group === index && seat.room.talks);
    const places = new Map(talking.map((room, place) => [room.index, place]));
    const schedule = (
      perSecond: number,
      first: number,
      last: number,
      act: (one: Connection, planned: number) => void,
    ): Schedule => ({
      perSecond,
      size: talking.length * (last - first),
      own: here
        .filter(({ seat: { member } }) => member >= first && member < last)
        .map((one) => ({
          place: placeOf(one.seat, first, talking.length, places),
          act: (planned: number) => act(one, planned),
        }))
        .sort((a, b) => a.place - b.place),
    });
    const { load, posters, members, slow = 0 } = group;
    const readers = members - slow;
    return [
      ...(load.type === 'open'
        ? [schedule(load.perSecond, 0, posters, (one, planned) => one.post(planned))]
        : []),
      // Those who do not post, if there are any: then an error frame can be told to be about one or the other.
      ...(frame && group.typing
        ? [
            schedule(group.typing, posters < readers ? posters : 0, readers, (one) => {
              if (one.isIn) one.socket?.write(frame);
            }),
          ]
        : []),
    ];
  });
}

/** All rooms' first, then all rooms' second, …: one after another is in another room. */
function placeOf(seat: Seat, first: number, rooms: number, places: ReadonlyMap<number, number>): number {
  return (seat.member - first) * rooms + (places.get(seat.room.index) ?? 0);
}
