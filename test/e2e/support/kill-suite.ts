import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { check } from '../../checker/check.js';
import { writeHistory } from '../../checker/file.js';
import type { Entry, History } from '../../checker/history.js';
import { sentence } from '../../checker/violations.js';
import { BROKERS } from '../../support/matrix.js';
import { STORES } from '../../support/stores.js';
import { killRun, type KillResult } from './kill-run.js';

/** With RabbitMQ a process takes several seconds from its start to the first answer. */
const KILLS = { 'in-process': 30, rabbitmq: 12 } as const;
/** Answered posts for each kill that a real load has at least. */
const ANSWERED_PER_KILL = 30;

/** What this run is, from the environment: `KILL_SEED` and `KILLS`. */
export function chosenRun(most: number = KILLS['in-process']): {
  readonly seed: number;
  readonly kills: number;
} {
  const { KILL_SEED, KILLS: count } = process.env;
  return {
    seed: KILL_SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(KILL_SEED),
    kills: count === undefined ? most : Number(count),
  };
}

/**
 * Kills the program again and again under load; the store and every member agree with all that was answered. `file` is the
 * part of the test file's path that finds it.
 */
export async function survivesKills(
  t: Test,
  setup: { readonly broker: keyof typeof KILLS; readonly store: string; readonly file: string },
): Promise<void> {
  const store = STORES.find((one) => one.name === setup.store);
  const broker = BROKERS.find((one) => one.name === setup.broker);
  if (!store || !broker)
    throw new Error(`${setup.store} is not in STORES, or ${setup.broker} not in BROKERS`);
  const env = { ...(await broker.env()), ...(await store.env()) };
  const { seed, kills } = chosenRun(KILLS[setup.broker]);
  // The same choices, that is: a kill never hits the same instruction twice.
  t.comment(`seed ${seed}; once more: KILL_SEED=${seed} KILLS=${kills} make test ONLY=${setup.file}`);
  const result = await killRun({ env, kills, seed });
  const { history, inFlight } = result;
  for (const line of figures(result)) t.comment(line);

  const violations = check(history);
  if (violations.length > 0) {
    const path = join(tmpdir(), `parlor-kill-${seed}.jsonl`);
    await writeHistory(path, history);
    t.comment(`the history is in ${path}: node dist/test/checker/checker-main.js ${path}`);
  }
  t.same(violations.slice(0, 20).map(sentence), [], 'the promises hold');

  for (const { room, upwards, downwards } of result.after) {
    const messages = room.entries.filter(({ message }) => message !== null);
    t.equal(firstDifference(upwards, messages), null, `${room.room_id}: its pages upwards are its messages`);
    t.equal(
      firstDifference(downwards, messages),
      null,
      `${room.room_id}: its pages downwards are its messages`,
    );
    const earlier = result.before.find((one) => one.room.room_id === room.room_id)?.room.entries ?? [];
    t.equal(firstDifference(room.entries, earlier), null, `${room.room_id}: the next process shows the same`);
  }
  t.same(
    result.errors.slice(0, 20),
    [],
    'no process logged an error: a kill is nothing that a program notices',
  );
  t.same(result.strays, [], 'every ack was for a post that waited for it');
  t.same(unrecovered(history), [], 'every welcome with since was one that recovers');

  const busy = inFlight.filter((count) => count > 0).length;
  t.equal(inFlight.length, kills, 'the program was killed as often as it should be');
  t.ok(busy > kills / 2, `most kills hit posts in flight: ${busy} of ${kills}`);
  const answered = answersOf(history).get('posted') ?? 0;
  t.ok(answered >= kills * ANSWERED_PER_KILL, `it was a real load: ${answered} posts were answered`);
}

/** What happened, in a few lines. */
export function figures({ history, inFlight, errors }: KillResult): string[] {
  const { attempts, members, rooms, visits } = history;
  const answers = [...answersOf(history)].map(([name, count]) => `${name} × ${count}`).join(', ');
  const answered = new Set(attempts.filter(({ answer }) => answer.type === 'posted').map(({ id }) => id));
  const stored = rooms.flatMap(({ entries }) =>
    entries.flatMap(({ message }) => (message ? [message.id] : [])),
  );
  const silent = stored.filter((id) => !answered.has(id)).length;
  const sorted = [...inFlight].sort((a, b) => a - b);
  const sessions = members.flatMap((member) => member.sessions);
  const backlog = Math.max(
    0,
    ...sessions.map(({ since, head_seq }) => (since === null ? 0 : head_seq - since)),
  );
  const ids = new Set(attempts.map(({ id }) => id)).size;
  return [
    `${attempts.length} posts of ${ids} messages: ${answers}`,
    `${stored.length} messages stored, ${silent} of them without an answer that says so`,
    `in flight at a kill: ${sorted[0] ?? 0} to ${sorted.at(-1) ?? 0}, median ${sorted[sorted.length >> 1] ?? 0}`,
    `${members.length} members, ${sessions.length} connections, at most ${backlog} missed at once`,
    `${visits.length} attempts to get in, ${visits.filter((one) => one.welcome_at === null).length} not let in`,
    `errors logged: ${errors.length}${errors.length > 0 ? `, the first: ${errors[0] ?? ''}` : ''}`,
  ];
}

/** Where two lists begin to differ, in words; null if they do not. Thousands of lines of difference help nobody. */
function firstDifference(actual: readonly Entry[], expected: readonly Entry[]): string | null {
  const end = Math.max(actual.length, expected.length);
  for (let i = 0; i < end; i++) {
    const [found, wanted] = [JSON.stringify(actual[i]), JSON.stringify(expected[i])];
    if (found !== wanted) return `number ${i} is ${found}, not ${wanted}`;
  }
  return null;
}

function answersOf({ attempts }: History): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { answer } of attempts) {
    const name = answer.type === 'refused' ? answer.code : answer.type;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function unrecovered({ members }: History): string[] {
  return members.flatMap(({ name, sessions }) =>
    sessions.flatMap(({ since, recovered }) =>
      since !== null && recovered !== true ? [`${name} with since ${since}: ${recovered}`] : [],
    ),
  );
}
