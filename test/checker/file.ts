import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { checker, faultLine, type Fault } from '../../engine/messages/check.js';
import { Attempt, History, Kick, Member, Room, Roster, Span, Visit } from './history.js';

const historyFaults = checker(History);

/** What a line of JSON Lines may hold, by its one field, and where that goes. */
const LINES = {
  attempt: { faults: checker(Attempt), list: 'attempts' },
  member: { faults: checker(Member), list: 'members' },
  room: { faults: checker(Room), list: 'rooms' },
  visit: { faults: checker(Visit), list: 'visits' },
  kick: { faults: checker(Kick), list: 'kicks' },
  roster: { faults: checker(Roster), list: 'rosters' },
  unsettled: { faults: checker(Span), list: 'unsettled' },
} as const;

/**
 * Reads a history: JSON Lines where the name ends in `.jsonl`, each line an object with one field (see `LINES`); else
 * one JSON value. Rejects with one line that says what is wrong and where.
 */
export async function readHistory(path: string): Promise<History> {
  if (path.endsWith('.jsonl')) return readLines(path);
  const value = parsed(await readFile(path, 'utf8'), path);
  insist(value, historyFaults, path);
  return value as History;
}

/** Writes a history as JSON Lines. */
export async function writeHistory(path: string, history: History): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const [field, { list }] of Object.entries(LINES))
      for (const value of history[list]) await file.appendFile(`${JSON.stringify({ [field]: value })}\n`);
  } finally {
    await file.close();
  }
}

async function readLines(path: string): Promise<History> {
  const history: Record<keyof History, unknown[]> = {
    attempts: [],
    members: [],
    rooms: [],
    visits: [],
    kicks: [],
    rosters: [],
    unsettled: [],
  };
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const where = `${path}:${++number}`;
    if (line.trim() === '') continue;
    const value = parsed(line, where);
    const [[field, content] = ['', null], ...more] = Object.entries(value ?? {}) as [string, unknown][];
    if (!isField(field) || more.length > 0)
      throw new Error(`${where}: a line is an object with one field: ${Object.keys(LINES).join(', ')}`);
    const { faults, list } = LINES[field];
    insist(content, faults, where);
    history[list].push(content);
  }
  return history as History;
}

function isField(text: string): text is keyof typeof LINES {
  return Object.hasOwn(LINES, text);
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Throws what is wrong with a value, and where it stands. */
function insist(value: unknown, faultsOf: (value: unknown) => Fault[] | null, where: string): void {
  const faults = faultsOf(value);
  if (faults) throw new Error(`${where}: ${faultLine(faults)}`);
}
