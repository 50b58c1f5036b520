import fc from 'fast-check';
import t from 'tap';
import {
  allRooms,
  NO_ROOMS,
  ofRoom,
  roomCountOf,
  withoutRoom,
  withRoom,
  type RoomList,
} from '../../engine/room-list.js';

interface Room {
  readonly roomId: string;
}

/** More than fit into a sorted list. */
const MANY = 1_500;

t.test('a list of rooms is a map of them, however many there are', (t) => {
  const steps = fc.array(fc.record({ isAdd: fc.boolean(), room: fc.nat({ max: 20 }) }), { maxLength: 80 });
  const before = fc.constantFrom(0, MANY);
  fc.assert(
    fc.property(before, steps, (count, todo) => {
      let list: RoomList<Room> = NO_ROOMS;
      const map = new Map<string, Room>();
      const add = (one: Room): void => {
        list = withRoom(list, one);
        map.set(one.roomId, one);
      };
      for (let i = 0; i < count; i++) add({ roomId: `before ${i}` });
      for (const { isAdd, room } of todo) {
        const roomId = `${room}`;
        const known = map.get(roomId);
        if (isAdd && !known) add({ roomId });
        else if (!isAdd) {
          list = withoutRoom(list, known ?? { roomId });
          map.delete(roomId);
        }
        const all = allRooms(list);
        if (roomCountOf(list) !== map.size || all.length !== map.size) return false;
        if (ofRoom(list, roomId) !== map.get(roomId)) return false;
      }
      return allRooms(list).every((one) => map.get(one.roomId) === one);
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('another thing of the same room is not taken for the one in the list', (t) => {
  const one = { roomId: 'a' };
  const list = withRoom<Room>(NO_ROOMS, one);
  t.equal(ofRoom(withoutRoom(list, { roomId: 'a' }), 'a'), one);
  t.end();
});

t.test('who goes through all rooms may leave them meanwhile', (t) => {
  for (const count of [3, MANY]) {
    let list: RoomList<Room> = NO_ROOMS;
    for (let i = 0; i < count; i++) list = withRoom(list, { roomId: `${i}` });
    let seen = 0;
    for (const one of allRooms(list)) {
      list = withoutRoom(list, one);
      seen++;
    }
    t.equal(seen, count);
    t.equal(roomCountOf(list), 0);
  }
  t.end();
});
