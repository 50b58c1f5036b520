import { DIALECTS } from './dialects.js';
import { MARKER_BYTES, MAX_POSTER } from './marker.js';
import type { Group, LoadPlan } from './plan.js';

/** A room of a plan. Rooms and seats are numbered over all groups. */
export interface RoomPlace {
  readonly index: number;
  readonly id: string;
  readonly group: number;
  readonly talks: boolean;
  /** The seat of its first member; the posters' are the first ones. */
  readonly firstSeat: number;
}

/** What one connection of a plan is. */
export interface Seat {
  readonly index: number;
  readonly room: RoomPlace;
  readonly member: number;
  readonly port: number;
  readonly role: 'poster' | 'member' | 'slow';
}

/** A network address has about 28,000 ports for its connections; a reconnect may need as many again for a moment. */
const SEATS_PER_ADDRESS = 7_000;
const MAX_ADDRESSES = 250;

function seatsOf(plan: LoadPlan): number {
  return plan.groups.reduce((sum, { rooms, members }) => sum + rooms * members, 0);
}

export function roomsOf(plan: LoadPlan): RoomPlace[] {
  const rooms: RoomPlace[] = [];
  let firstSeat = 0;
  for (const [group, { name, rooms: count, members, talkEvery, posters, load }] of plan.groups.entries()) {
    for (let n = 0; n < count; n++) {
      const talks = load.type !== 'none' && posters > 0 && n % talkEvery === 0;
      rooms.push({ index: rooms.length, id: `channel:${name}-${n}`, group, talks, firstSeat });
      firstSeat += members;
    }
  }
  return rooms;
}

/**
 * The seats of one process. Members of a room take turns, and each room that may talk starts with the next process:
 * so every process has its share of each room, and of those who post.
 */
export function seatsFor(plan: LoadPlan, rooms: readonly RoomPlace[], self: number): Seat[] {
  const seats: Seat[] = [];
  let turn = 0;
  for (const room of rooms) {
    const group = plan.groups[room.group] as Group;
    if (room.talks || group.talkEvery === 1) turn++;
    for (let member = 0; member < group.members; member++) {
      if ((member + turn) % plan.processes !== self) continue;
      const port = plan.ports[member % plan.ports.length] as number;
      seats.push({ index: room.firstSeat + member, room, member, port, role: roleOf(group, room, member) });
    }
  }
  return seats;
}

function roleOf(group: Group, room: RoomPlace, member: number): Seat['role'] {
  if (room.talks && member < group.posters) return 'poster';
  return member >= group.members - (group.slow ?? 0) ? 'slow' : 'member';
}

/** The source address for the n-th connection of a process: 127.0.0.1 is left to everybody else. */
export function addressFor(plan: LoadPlan, self: number, n: number): string {
  const addresses = Math.min(MAX_ADDRESSES, 1 + Math.ceil(seatsOf(plan) / SEATS_PER_ADDRESS));
  return `127.0.0.${2 + ((self + n) % addresses)}`;
}

/** Throws when a plan contradicts itself. */
export function checkPlan(plan: LoadPlan): void {
  const fault = planFaults(plan)[0] ?? plan.groups.flatMap((group) => groupFaults(plan, group))[0];
  if (fault !== undefined) throw new Error(`this load cannot be: ${fault}`);
}

function planFaults(plan: LoadPlan): string[] {
  const names = new Set(plan.groups.map(({ name }) => name));
  return [
    ...(plan.processes >= 1 ? [] : ['it needs a process']),
    ...(plan.ports.length >= 1 ? [] : ['it needs a port']),
    ...(plan.connecting >= 1 ? [] : ['connecting is at least 1']),
    ...(plan.textBytes >= MARKER_BYTES ? [] : [`a text has ${MARKER_BYTES} bytes at least, for its marker`]),
    ...(names.size === plan.groups.length ? [] : ['two groups have the same name']),
    ...(seatsOf(plan) <= MAX_POSTER ? [] : [`there are ${MAX_POSTER} connections at most`]),
  ];
}

function groupFaults(plan: LoadPlan, group: Group): string[] {
  const { name, members, talkEvery, posters, load, slow = 0, typing = 0 } = group;
  const wholes = [group.rooms, members, talkEvery, posters, slow];
  return [
    ...(wholes.every((one) => Number.isInteger(one) && one >= 0) && talkEvery >= 1
      ? []
      : ['a count is not whole']),
    ...(/^[\w.-]{1,40}$/.test(name) ? [] : ['its name does not fit into a room id']),
    ...(load.type === 'none' || posters >= 1 ? [] : ['nobody posts']),
    ...(posters + slow <= members ? [] : ['it has fewer members than posters and slow ones']),
    ...(typing === 0 || DIALECTS[plan.dialect].typing !== null
      ? []
      : [`no typing in dialect ${plan.dialect}`]),
  ].map((fault) => `${name}: ${fault}`);
}
