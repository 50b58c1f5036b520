import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importRooms } from '../../api/transfer/import.js';
import { faultText, TransferFault } from '../../api/transfer/fault.js';
import { Readable } from 'node:stream';
import { exported, never, newStore } from '../api/transfer-fixture.js';
import { runParlor } from '../support/parlor.js';
import { inside, type Attack, type Attempt } from './attack.js';
import { anyBytes, anyJson, anyText, bent, cut, mutated, times, type Chance } from './chance.js';

/** Starting the program takes half a second, so most files are read in this process. */
const BY_PROGRAM = 0.01;
const POLICY = {
  ...{ capacity: 2, creation: 'on_demand', deletion: 'manual', grace_ms: 0, idle_ms: 0 },
  ...{ deliver_alone: true, post: 'anyone', retention: null },
};

const idOf = (chance: Chance): string =>
  `00000000-0000-7000-8000-${String(chance.below(1e9)).padStart(12, '0')}`;
const timeOf = (chance: Chance): string => new Date(1.7e12 + chance.below(1e9)).toISOString();

/** The lines of an export of one room, right ones. */
function roomLines(chance: Chance, room_id: string): Record<string, unknown>[] {
  const count = chance.below(5);
  const first_seq = 1 + (chance.yes(0.3) ? chance.below(count + 1) : 0);
  const room = {
    room_id,
    head_seq: count,
    status: chance.pick(['open', 'closed', 'empty']),
    policy: chance.yes(0.5) ? POLICY : null,
    created_at: timeOf(chance),
  };
  const events = times(count - first_seq + 1, (at): Record<string, unknown> => ({
    event_id: idOf(chance),
    room_id,
    seq: first_seq + at,
    at: timeOf(chance),
    ...chance.pick([
      { type: 'message_posted', user: chance.pick(['alice', null]), text: 'Hello' },
      { type: 'room_opened', policy: POLICY },
      { type: 'member_kicked', user: 'alice' },
      { type: 'room_closed', reason: 'deleted', purged: false },
    ]),
  }));
  return [
    { type: 'room', version: 1, room, first_seq },
    ...events,
    { type: 'end', room_id, events: events.length, head_seq: count },
  ];
}

function fileOf(chance: Chance): Buffer {
  const rooms = times(chance.below(4), (at) => roomLines(chance, chance.pick(['a', 'b', `r${at}`])));
  const revocations = times(chance.yes(0.3) ? chance.below(3) : 0, (): Record<string, unknown> => ({
    type: 'revocation',
    ...chance.pick([{ user: 'alice' }, { token_id: 'a-token' }, { user: anyText(chance) }]),
    revoked_at: timeOf(chance),
    ...(chance.yes(0.5) ? { until: chance.pick(['9000-01-01T00:00:00.000Z', timeOf(chance)]) } : {}),
  }));
  const complete = {
    type: 'complete',
    rooms: rooms.length,
    ...(revocations.length > 0 ? { revocations: revocations.length } : {}),
  };
  const lines = [...revocations, ...rooms.flat(), complete];
  const bentLine = chance.yes(0.5) ? chance.below(lines.length) : -1;
  const texts = lines.map((line, at) => (at === bentLine ? bent(chance, line) : JSON.stringify(line)));
  if (chance.yes(0.15)) texts.splice(chance.below(texts.length + 1), chance.below(2), anyJson(chance));
  if (chance.yes(0.1)) texts.splice(chance.below(texts.length + 1), 0, anyText(chance));
  if (chance.yes(0.1)) texts.reverse();
  const bytes = Buffer.from(texts.join(chance.pick(['\n', '\n', '\n', '\r\n', '\n\n'])));
  if (chance.yes(0.02)) return anyBytes(chance, 300);
  if (chance.yes(0.01)) return Buffer.alloc(1_100_000, chance.pick(['x', '[', ' ']));
  return chance.yes(0.3) ? mutated(chance, bytes) : bytes;
}

/** What is wrong with a text that refuses a file: it has to be one line for an operator. */
function faultOfRefusal(text: string): string | null {
  // eslint-disable-next-line no-control-regex -- this is what must not be in it
  if (text.trim() === '' || /[\x00-\x1f\x7f]/.test(text.trim()))
    return `it is not one line: ${JSON.stringify(text.slice(0, 300))}`;
  return inside(text);
}

async function here(chance: Chance, bytes: Buffer): Promise<Omit<Attempt, 'input'>> {
  const store = await newStore();
  const take = (file: Buffer): ReturnType<typeof importRooms> =>
    importRooms({
      store,
      input: Readable.from(cut(chance, file, 4)),
      report: () => undefined,
      signal: never(),
    });
  try {
    const { rooms } = await take(bytes);
    // What was taken can be exported, and that is known when it is imported again.
    const text = await exported(store);
    const again = await take(Buffer.from(text));
    const more = again.events + again.revocations;
    const wrong = more === 0 ? null : `importing its export again stored ${more} events and revocations`;
    return { came: rooms > 0 ? 'imported' : 'nothing in it', wrong };
  } catch (cause) {
    if (!(cause instanceof TransferFault))
      return {
        came: 'an error',
        wrong: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
      };
    return { came: 'refused', wrong: faultOfRefusal(faultText(cause)) };
  } finally {
    await store.close();
  }
}

async function byProgram(bytes: Buffer, path: string): Promise<Omit<Attempt, 'input'>> {
  writeFileSync(path, bytes);
  const { code, stderr } = await runParlor({ STORE: 'sqlite', SQLITE_PATH: `${path}.db` }, 'import', path);
  const came = `program: ${String(code)}`;
  if (code !== 0 && code !== 1) return { came, wrong: `exit code ${String(code)}: ${stderr.slice(0, 500)}` };
  return { came, wrong: faultOfRefusal(stderr) };
}

/** Files for `parlor import`, most of them nearly right. `folder` is for those that the program reads. */
export function importAttack(folder: string, lanes: number): Attack {
  let files = 0;
  return {
    name: 'import',
    lanes,
    async attempt(chance) {
      const bytes = fileOf(chance);
      const came = chance.yes(BY_PROGRAM)
        ? await byProgram(bytes, join(folder, `${++files}.jsonl`))
        : await here(chance, bytes);
      // So that the program under attack gets its share of the machine.
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { input: [bytes], ...came };
    },
  };
}
