import t from 'tap';
import { lastingRevocations } from '../../api/transfer/revocations.js';
import { revocationLine } from '../../api/transfer/format.js';
import type { Revocation } from '../../engine/access/revocation.js';
import { exported, imported, newStore, refusal, storeWith } from './transfer-fixture.js';

/** Midnight of New Year's Day of this year. */
const at = (year: number): string => new Date(Date.UTC(year, 0)).toISOString();

const ALICE: Revocation = { user: 'alice', revoked_at: at(2024), until: at(9000) };
const EVER: Revocation = { user: 'Zo\u00eb', revoked_at: at(2024) };
const TOKEN: Revocation = { token_id: 'alice', revoked_at: at(2024), until: at(9000) };
const OVER: Revocation = { user: 'old', revoked_at: at(2023), until: at(2025) };

async function revokedStore() {
  const store = await storeWith({ a: 3, b: 2 });
  for (const one of [OVER, ALICE, EVER, TOKEN]) await store.revoke(one);
  return store;
}

t.test('an export of everything carries who is revoked, before the rooms', async (t) => {
  const source = await revokedStore();
  const text = await exported(source);
  const types = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { type: string }).type);
  t.same(types.slice(0, 5), [...Array<string>(4).fill('revocation'), 'room']);
  t.match(JSON.parse(text.trimEnd().split('\n').at(-1) ?? ''), {
    type: 'complete',
    rooms: 2,
    revocations: 4,
  });
  const copy = await newStore();
  t.match(await imported(copy, text), { rooms: 2, events: 5, revocations: 3 });
  t.same(await copy.revocations(), await lastingRevocations(source, Date.now()), 'but for what is over');
  t.notMatch(await exported(source, ['a']), /revocation/, 'which single rooms do not have');
});

t.test('what is over is left out of an export', async (t) => {
  const source = await revokedStore();
  t.same(await lastingRevocations(source, Date.parse(at(2024))), await source.revocations());
  t.same(await lastingRevocations(source, Date.parse(at(2025))), [TOKEN, EVER, ALICE]);
  t.same(await lastingRevocations(source, Date.parse(at(9001))), [EVER]);
});

t.test('what is revoked where it is imported stays so: of both, what covers more', async (t) => {
  const text = await exported(await revokedStore());
  const cases: readonly (readonly [there: Revocation, kept: Revocation])[] = [
    [
      { user: 'alice', revoked_at: at(2025) },
      { user: 'alice', revoked_at: at(2025) },
    ],
    [
      { user: 'alice', revoked_at: at(2025), until: at(8000) },
      { user: 'alice', revoked_at: at(2025), until: at(9000) },
    ],
    [
      { user: 'alice', revoked_at: at(2023), until: at(9500) },
      { ...ALICE, until: at(9500) },
    ],
    [
      { user: 'Zo\u00eb', revoked_at: at(2023), until: at(9000) },
      { user: 'Zo\u00eb', revoked_at: at(2024) },
    ],
    [
      { user: 'bob', revoked_at: at(2024) },
      { user: 'bob', revoked_at: at(2024) },
    ],
  ];
  for (const [there, kept] of cases) {
    const copy = await newStore();
    await copy.revoke(there);
    await imported(copy, text);
    t.same(
      (await copy.revocations()).filter(({ user }) => user === kept.user),
      [kept],
    );
    t.match(await imported(copy, text), { revocations: 0, known: 2 }, 'and importing again does nothing');
  }
});

t.test('a revocation that is missing, doubled or in another place is refused by its line', async (t) => {
  const lines = (await exported(await revokedStore())).trimEnd().split('\n');
  const [first = '', ...rest] = lines;
  t.match(
    await refusal(await newStore(), rest.join('\n')),
    /^line \d+: the export had 4 revocations, and here are 3/,
  );
  t.match(await refusal(await newStore(), [first, ...lines].join('\n')), /4 revocations, and here are 5/);
  const inside = [...rest.slice(0, 4), first, ...rest.slice(4)].join('\n');
  t.match(await refusal(await newStore(), inside), /^line 5: a revocation, but room a has not ended$/);
  const behind = [...lines, revocationLine(ALICE).trim()].join('\n');
  t.match(await refusal(await newStore(), behind), /it was cut off$/);
  t.match(
    await imported(await newStore(), `${lines.join('\n')}\n${lines.join('\n')}`),
    { revocations: 3 },
    'joined',
  );
});

t.test(
  'a store that does not take a revocation ends the import, and nobody gets into a room meanwhile',
  async (t) => {
    const copy = await newStore();
    const broken = { ...copy, revoke: () => Promise.reject(new Error('the disk is full')) };
    t.equal(await refusal(broken, await exported(await revokedStore())), 'the disk is full');
    t.same(await copy.rooms(null, 10), []);
  },
);
