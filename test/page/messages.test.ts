import t from 'tap';
import { chunksOf } from '../../api/page/parts/chunks.js';
import { placeOf } from '../../api/page/parts/grouping.js';
import { anchorAt, drawnAt, stepTo, topOf } from '../../api/page/parts/heights.js';

const message = (seq: number | null) => ({ seq });
const at = (user: string | null, created_at: string) => ({ user, created_at });
const day = (time: string): string => time.slice(0, 10);

t.test('a group is one author’s, without a long silence, within a day', async (t) => {
  const first = at('alice', '2026-11-29T10:00:00Z');
  t.same(placeOf(first, null, day), { isNewDay: true, isFirst: true });
  t.same(placeOf(at('alice', '2026-11-29T10:04:59Z'), first, day), { isNewDay: false, isFirst: false });
  t.same(placeOf(at('alice', '2026-11-29T10:05:00Z'), first, day), { isNewDay: false, isFirst: true });
  t.same(placeOf(at('bob', '2026-11-29T10:00:01Z'), first, day), { isNewDay: false, isFirst: true });
  t.same(placeOf(at(null, '2026-11-29T10:00:01Z'), first, day), { isNewDay: false, isFirst: true });
  const late = at('alice', '2026-11-29T23:59:59Z');
  t.same(placeOf(at('alice', '2026-11-30T00:00:01Z'), late, day), { isNewDay: true, isFirst: true });
});

t.test('chunks in which nothing has changed stay the same, whatever comes before or after', async (t) => {
  const middle = Array.from({ length: 40 }, (_, i) => message(101 + i));
  const before = chunksOf(middle);
  t.same(
    before.flatMap(({ messages }) => messages),
    middle,
    'together they are all messages',
  );
  const older = Array.from({ length: 20 }, (_, i) => message(81 + i));
  const after = chunksOf([...older, ...middle, message(141), message(null)], before);
  t.equal(
    after.filter((chunk) => before.includes(chunk)).length,
    before.length - 2,
    'all but the first and the last',
  );
  t.equal(new Set(after.map(({ key }) => key)).size, after.length, 'each has its key');
  t.equal(after.at(-1)?.before?.seq, 141);
  t.same(chunksOf([]), []);
});

t.test(
  'what is drawn is what is near the screen; the space for the others is as high as they are',
  async (t) => {
    const parts = Array.from({ length: 100 }, (_, i) => ({ key: String(i), height: 10 }));
    t.same(drawnAt(parts, { distance: 500, height: 100 }, 20), {
      first: 48,
      end: 62,
      above: 480,
      below: 380,
    });
    t.same(drawnAt(parts, { distance: -50, height: 100 }, 0), {
      first: 0,
      end: 5,
      above: 0,
      below: 950,
    });
    t.same(drawnAt([], { distance: 0, height: 100 }, 20), { first: 0, end: 0, above: 0, below: 0 });
    t.same(anchorAt(parts, 503), { key: '50', offset: 3 });
    t.same(anchorAt(parts, 5_000), { key: '99', offset: 4_010 }, 'past the end');
    t.equal(anchorAt([], 3), null);
    t.equal(topOf(parts, '50'), 500);
    t.equal(topOf(parts, 'gone'), null);
  },
);

t.test(
  'after a long way what is on the screen is drawn at once, and what is around it step by step',
  async (t) => {
    const parts = Array.from({ length: 100 }, (_, i) => ({ key: String(i), height: 10 }));
    const view = { distance: 500, height: 100 };
    const wanted = drawnAt(parts, view, 35);
    let drawn = stepTo(wanted, parts, view, () => false, 1);
    t.same([drawn.first, drawn.end], [49, 60], 'the screen, and one more');
    t.same([drawn.above, drawn.below], [490, 400]);
    let steps = 1;
    for (; drawn.first > wanted.first || drawn.end < wanted.end; steps++) {
      const { first, end } = drawn;
      drawn = stepTo(wanted, parts, view, (key) => Number(key) >= first && Number(key) < end, 1);
      t.equal(end - first + 1, drawn.end - drawn.first, 'one more in each step');
    }
    t.same(drawn, wanted);
    t.equal(steps, 8);
    t.same(
      stepTo(drawnAt([], view, 35), [], view, () => false, 1),
      { first: 0, end: 0, above: 0, below: 0 },
    );
  },
);
