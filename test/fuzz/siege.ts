import { fileURLToPath } from 'node:url';
import { startParlor, type Env, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { metrics } from '../e2e/support/metrics.js';
import { warnings } from '../e2e/support/warnings.js';
import { attackWith, inside, type Attack, type Campaign } from './attack.js';
import { startHonest } from './honest.js';
import { watchMemory } from './memory.js';

const MAIN = fileURLToPath(new URL('../e2e/support/gc-main.js', import.meta.url));

/** One of the rooms of honest people is open to attackers, the other one is not. */
export const ATTACKED = 'channel:honest';
const CALM = 'honest:calm';

/** What is zero when everybody has gone. */
const ZERO = [
  'parlor_connections',
  'parlor_seats',
  'parlor_audiences',
  'parlor_rooms',
  'parlor_under_way',
  'parlor_reads_waiting',
  'parlor_broker_pending',
  'parlor_broker_buffered',
] as const;
const ACTORS = ['room', 'audience', 'connection', 'bridge', 'journal', 'rooms'] as const;

export interface SiegeOptions {
  readonly name: string;
  readonly env: Env;
  readonly seconds: number;
  readonly campaign: Campaign;
  readonly attacks: (parlor: Parlor) => Promise<readonly Attack[]>;
  /** The token of a service, with which the honest and the judge come in; null: none is needed. */
  readonly token?: string | null;
}

/** The real program under attack until the campaign is over. Resolves with its figures, a line each. */
export async function besiege({
  name,
  env,
  seconds,
  campaign,
  attacks,
  token = null,
}: SiegeOptions): Promise<string[]> {
  const started = await startParlor({ GRACE_MS: '0', IDLE_MS: '500', ...env }, MAIN);
  const parlor = token === null ? started : withToken(started, token);
  const figures: string[] = [];
  const broken = (wrong: string): void => campaign.found({ attack: name, wrong, seed: null, input: [] });
  try {
    const pairs = await Promise.all([CALM, ATTACKED].map((room) => startHonest(parlor, room, broken)));
    // Some thirty samples, but one a second at most, as collecting stops the program.
    const memory = watchMemory(parlor, Math.max(1_000, (seconds / 30) * 1_000));
    await Promise.all((await attacks(parlor)).map((attack) => attackWith(attack, campaign)));
    memory.stop();
    const { line, wrong } = memory.judge();
    if (wrong !== null) broken(wrong);
    figures.push(`${name}: ${line}`);
    for (const pair of pairs) {
      const { seen, longest } = await pair.stop();
      figures.push(`${name}: honest members saw ${seen} messages in order; the slowest took ${longest} ms`);
      if (seen === 0) broken('honest members saw nothing of each other');
    }
    await comeToRest(parlor, broken);
  } catch (cause) {
    broken(`the siege failed: ${cause instanceof Error ? cause.message : String(cause)}`);
  } finally {
    const code = await parlor.end();
    if (code !== 0) broken(`the program ended with ${String(code)}: ${parlor.stderr().slice(-2_000)}`);
    judgeLogs(parlor, broken);
  }
  return figures;
}

/** The same program, of which everything is asked with this token. */
function withToken(parlor: Parlor, token: string): Parlor {
  const bearer = { authorization: `Bearer ${token}` };
  return {
    ...parlor,
    get: (path) => parlor.send('GET', path, undefined, bearer),
    post: (room, body, headers) => parlor.post(room, body, { ...bearer, ...headers }),
    send: (method, path, body, headers) => parlor.send(method, path, body, { ...bearer, ...headers }),
    open: (room, query = '', options) => parlor.open(room, `${query}&access_token=${token}`, options),
    join: (room, query = '') => parlor.join(room, `${query}&access_token=${token}`),
  };
}

async function comeToRest(parlor: Parlor, broken: (wrong: string) => void): Promise<void> {
  await forgetLongPolicies(parlor);
  let left = 'everything';
  try {
    await until(
      async () => {
        const value = await metrics(parlor);
        left = ZERO.filter((series) => value(series) !== 0)
          .map((series) => `${series} ${value(series)}`)
          .join(', ');
        return left === '';
      },
      { timeoutMs: 30_000, intervalMs: 200, what: 'everything to be zero' },
    );
  } catch {
    broken(`when everybody has gone, there is still: ${left}`);
  }
  const value = await metrics(parlor);
  for (const actor of ACTORS) {
    const crashes = value(`parlor_crashes_total{actor="${actor}"}`);
    if (crashes > 0) broken(`${crashes} crashes of ${actor}`);
  }
}

/** A policy may keep seats or a room in memory for a day. Rooms that were given such a one are closed. */
async function forgetLongPolicies(parlor: Parlor): Promise<void> {
  let cursor: string | null = '';
  while (cursor !== null) {
    const answer = await parlor.get(
      `/api/rooms?limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    const page = (await answer.json()) as {
      readonly rooms: readonly RoomLine[];
      readonly next: string | null;
    };
    for (const { room_id, policy } of page.rooms) {
      if (Math.max(policy.grace_ms, policy.idle_ms) <= 1_000) continue;
      const path = `/api/rooms/${encodeURIComponent(room_id)}`;
      await parlor.send('PUT', path, { grace_ms: 0, idle_ms: 0, deletion: 'manual' });
      await parlor.send('DELETE', path);
    }
    cursor = page.next;
  }
}

interface RoomLine {
  readonly room_id: string;
  readonly policy: { readonly grace_ms: number; readonly idle_ms: number };
}

function judgeLogs(parlor: Parlor, broken: (wrong: string) => void): void {
  const errors = warnings(parlor).filter(
    ({ level, stack, err }) => level >= 50 || stack !== undefined || err !== undefined,
  );
  for (const line of errors.slice(0, 5)) broken(`it logged ${JSON.stringify(line)}`);
  const shown = inside(parlor.stderr());
  if (shown !== null) broken(`standard error: ${shown}`);
}
