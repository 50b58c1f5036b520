import fc from 'fast-check';
import t from 'tap';
import { createWritten, type Link } from '../../adapters/memory/written.js';

interface Room extends Link<Room> {
  readonly name: number;
}

t.test('whatever is written and removed, the first is the one written longest ago', async (t) => {
  const action = fc.record({ what: fc.constantFrom('touch', 'touch', 'remove'), room: fc.nat({ max: 6 }) });
  const property = fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
    const rooms = Array.from({ length: 7 }, (_, name): Room => ({ name, before: null, after: null }));
    const written = createWritten<Room>();
    // A Set keeps the order in which its members came.
    const model = new Set<number>();
    for (const { what, room } of actions) {
      const one = rooms[room];
      if (!one) return false;
      model.delete(room);
      if (what === 'touch') {
        written.touch(one);
        model.add(room);
      } else written.remove(one);
      if ((written.first()?.name ?? null) !== ([...model][0] ?? null)) return false;
    }
    for (const expected of [...model]) {
      const first = written.first();
      if (first?.name !== expected) return false;
      written.remove(first);
    }
    return written.first() === null;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});
