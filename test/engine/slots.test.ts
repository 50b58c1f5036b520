import t from 'tap';
import fc from 'fast-check';
import { SLOTS, partitionOf, slotOf } from '../../engine/slots.js';

const roomId = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);

t.test('every room has a slot from 0 to 1023, always the same', async (t) => {
  const property = fc.property(roomId, (id) => {
    const slot = slotOf(id);
    return Number.isInteger(slot) && slot >= 0 && slot < SLOTS && slot === slotOf(id.slice());
  });
  t.doesNotThrow(() => fc.assert(property));
  t.equal(SLOTS, 1024);
});

t.test('slots are those that a service in another language computes (FNV-1a, 32 bits)', async (t) => {
  // The hashes of "", "a" and "foobar" are test vectors of draft-eastlake-fnv.
  t.equal(slotOf(''), 0x811c9dc5 % 1024);
  t.equal(slotOf('a'), 0xe40c292c % 1024);
  t.equal(slotOf('foobar'), 0xbf9cf968 % 1024);
});

t.test('many rooms are spread evenly', async (t) => {
  const counts = new Array<number>(SLOTS).fill(0);
  for (let i = 0; i < 102_400; i++) {
    const slot = slotOf(`direct:${i}`);
    counts[slot] = (counts[slot] ?? 0) + 1;
  }
  t.ok(
    Math.min(...counts) > 50 && Math.max(...counts) < 200,
    `${Math.min(...counts)}–${Math.max(...counts)} rooms a slot`,
  );
});

t.test('partitions divide the slots', async (t) => {
  for (const partitions of [1, 2, 16, 1000]) {
    const used = new Set(Array.from({ length: SLOTS }, (_, slot) => partitionOf(slot, partitions)));
    t.same(
      [...used].sort((a, b) => a - b),
      Array.from({ length: partitions }, (_, i) => i),
    );
  }
});
