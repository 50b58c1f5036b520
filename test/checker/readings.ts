import type { History } from './history.js';
import type { Violation } from './violations.js';

/** Of every room that was posted or listened to the history has to tell what the store has, once. */
export function checkReadings({ attempts, members, rooms, visits, kicks, rosters }: History): Violation[] {
  const violations: Violation[] = [];
  const known = new Set<string>();
  for (const { room_id } of rooms) {
    if (known.has(room_id)) violations.push({ kind: 'read_twice', room_id });
    known.add(room_id);
  }
  const mentions = [
    ...members.map(({ room_id, name }) => ({ room_id, by: name })),
    ...attempts.map(({ room_id, connection }) => ({ room_id, by: connection })),
    ...[...visits, ...kicks].map(({ room_id, user }) => ({ room_id, by: user })),
    ...rosters.map(({ room_id }) => ({ room_id, by: 'a service' })),
  ];
  for (const { room_id, by } of mentions) {
    if (known.has(room_id)) continue;
    // Once for each room.
    known.add(room_id);
    violations.push({ kind: 'not_read', room_id, by });
  }
  return violations;
}
