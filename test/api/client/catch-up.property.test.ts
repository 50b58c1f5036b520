import fc from 'fast-check';
import t from 'tap';
import { createCatchUp, type Placed } from '../../../api/client/catch-up.js';
import { ForbiddenError, NetworkError, type ParlorError } from '../../../api/client/index.js';

const at = '2026-01-01T00:00:00.000Z';
const message = (seq: number): Placed => ({
  type: 'message',
  id: `id ${seq}`,
  room_id: 'r',
  seq,
  user: 'alice',
  text: `text ${seq}`,
  created_at: at,
});
const stored = (seq: number): object => ({
  type: 'message_posted',
  event_id: `id ${seq}`,
  room_id: 'r',
  seq,
  user: 'alice',
  text: `text ${seq}`,
  at,
});

interface Told {
  readonly seqs: number[];
  readonly gaps: { after: number; before: number }[];
}

/** A room of a server with a log that keeps what is after `forgotten`, in pages of three. */
function room(options: { limit?: number; fails?: ParlorError[] } = {}) {
  const told: Told = { seqs: [], gaps: [] };
  const server = { head: 0, forgotten: 0 };
  const fails = options.fails ?? [];
  const host = { pauseMs: () => 0, fillLimit: options.limit ?? 1_000 };
  const catchUp = createCatchUp(host, {
    tell: (placed) => {
      t.match(placed, message(placed.seq));
      told.seqs.push(placed.seq);
    },
    gap: (gap) => told.gaps.push(gap),
    async page(after) {
      await Promise.resolve();
      const fault = fails.shift();
      if (fault) throw fault;
      const from = Math.max(after, server.forgotten) + 1;
      const seqs = Array.from({ length: Math.max(0, server.head - from + 1) }, (_, index) => from + index);
      const page = seqs.slice(0, 3);
      return { events: page.map(stored), next: seqs.length > 3 ? String(page.at(-1)) : null };
    },
  });
  return { catchUp, told, server };
}

/** Enough turns for all pages. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('live' as const), count: fc.nat(5) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('cut' as const), count: fc.nat(9), twice: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('forget' as const), count: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const) }) },
);

t.test('over any cuts each seq is told once and in order, or told to be missing', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.boolean(), async (steps, sends) => {
      const { catchUp, told, server } = room();
      catchUp.begin(0, undefined);
      for (const step of steps) {
        if (step.type === 'live') for (let n = 0; n < step.count; n++) catchUp.take(message(++server.head));
        else if (step.type === 'forget')
          server.forgotten = Math.min(server.head, server.forgotten + step.count);
        else if (step.type === 'wait') await settle();
        else {
          catchUp.stop();
          server.head += step.count;
          const since = catchUp.seq ?? 0;
          const recovered = sends && since >= server.forgotten;
          catchUp.begin(server.head, recovered);
          // Frames that were told before may come again.
          const from = recovered ? Math.max(1, since + 1 - step.twice) : server.head + 1;
          for (let seq = from; seq <= server.head; seq++) catchUp.take(message(seq));
        }
      }
      await settle();
      const missing = told.gaps.flatMap(({ after, before }) =>
        Array.from({ length: before - after - 1 }, (_, index) => after + 1 + index),
      );
      const all = [...told.seqs, ...missing].sort((a, b) => a - b);
      t.same(
        told.seqs,
        [...told.seqs].sort((a, b) => a - b),
        'in order',
      );
      t.same(
        all,
        Array.from({ length: server.head }, (_, index) => index + 1),
        'each once',
      );
      t.ok(missing.every((seq) => seq <= server.forgotten));
      t.equal(catchUp.seq, server.head);
    }),
    { numRuns: 60 },
  );
});

t.test('what comes live while the log is read is told after it', async (t) => {
  const { catchUp, told, server } = room();
  catchUp.seq = 2;
  server.head = 10;
  catchUp.begin(10, false);
  catchUp.take(message(11));
  t.same(told.seqs, []);
  await settle();
  t.same(told.seqs, [3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

t.test('reading the log is repeated while that helps, and a gap where it does not', async (t) => {
  const passing = room({
    fails: [new NetworkError('network', 'cut', true), new NetworkError('network', 'cut', true)],
  });
  passing.catchUp.seq = 0;
  passing.server.head = 4;
  passing.catchUp.begin(4, false);
  await settle();
  t.same(passing.told, { seqs: [1, 2, 3, 4], gaps: [] });
  const final = room({ fails: [new ForbiddenError('forbidden', 'no right to read', false)] });
  final.catchUp.seq = 0;
  final.server.head = 4;
  final.catchUp.begin(4, false);
  final.catchUp.take(message(5));
  await settle();
  t.same(final.told, { seqs: [5], gaps: [{ after: 0, before: 5 }] });
});

t.test('more than the limit is not fetched', async (t) => {
  const { catchUp, told, server } = room({ limit: 5 });
  catchUp.seq = 1;
  server.head = 7;
  catchUp.begin(7, false);
  t.same(told, { seqs: [], gaps: [{ after: 1, before: 8 }] });
  t.equal(catchUp.seq, 7);
});

t.test('a server that has lost its rooms counts anew, and is listened to', async (t) => {
  const { catchUp, told } = room();
  catchUp.seq = 100;
  catchUp.begin(0, false);
  catchUp.take(message(1));
  t.same(told.seqs, [1]);
});
