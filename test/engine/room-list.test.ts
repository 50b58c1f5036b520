import fc from 'fast-check';
import t from 'tap';
import { RoomList } from '../../engine/room-list.js';

t.test('a list of rooms is a map of them, however many there are', (t) => {
  const steps = fc.array(fc.record({ isAdd: fc.boolean(), room: fc.nat({ max: 20 }) }), { maxLength: 80 });
  fc.assert(
    fc.property(steps, (todo) => {
      const list = new RoomList<{ readonly roomId: string }>();
      const map = new Map<string, { readonly roomId: string }>();
      for (const { isAdd, room } of todo) {
        const roomId = `${room}`;
        const known = map.get(roomId);
        if (isAdd && !known) {
          const one = { roomId };
          list.add(one);
          map.set(roomId, one);
        } else if (!isAdd) {
          list.delete(known ?? { roomId });
          map.delete(roomId);
        }
        const isSame =
          list.size === map.size &&
          list.get(roomId) === map.get(roomId) &&
          list.all().every((one) => map.get(one.roomId) === one);
        if (!isSame || list.all().length !== map.size) return false;
      }
      return true;
    }),
    { numRuns: 1_000 },
  );
  t.end();
});
