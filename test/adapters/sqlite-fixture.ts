import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Connection } from '../../adapters/sqlite/connection.js';
import { createSqliteStore } from '../../adapters/sqlite/store.js';
import type { Access } from '../../adapters/sqlite/threads.js';
import { systemClock } from '../../adapters/system/clock.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import type { Clock, Log, Store } from '../../engine/ports.js';
import { until } from '../support/until.js';

/** What `t` has of tap that is used here. */
interface Teardown {
  teardown(end: () => void | Promise<void>): void;
}

export interface Opened {
  readonly store: Store;
  /** What was logged as a warning or an error. */
  readonly complaints: string[];
  readonly infos: string[];
}

/** A folder of one test, gone after it. */
export function folderOf(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'parlor-sqlite-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Otherwise {
  readonly access?: Access;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** A store that was not started; it is closed after the test. */
export function make(t: Teardown, path: string, more: Otherwise = {}): Opened {
  const [complaints, infos]: [string[], string[]] = [[], []];
  const complain = (fields: object, text: string): void =>
    void complaints.push(`${text} ${JSON.stringify(fields)}`);
  const log: Log = { info: (_fields, text) => void infos.push(text), warn: complain, error: complain };
  const store = createSqliteStore({ path, timeoutMs: 10_000, log, clock: systemClock, ...more });
  t.teardown(() => store.close());
  return { store, complaints, infos };
}

/** A store that was started. */
export async function open(t: Teardown, path: string, more?: Otherwise): Promise<Opened> {
  const opened = make(t, path, more);
  await opened.store.start();
  return opened;
}

/** The text of the error that a promise rejects with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => {
      throw new Error('it was to be refused');
    },
    (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
  );
}

/** All events of a room. */
export async function everything(store: Store, room: string): Promise<DurableEvent[]> {
  const events: DurableEvent[] = [];
  for (;;) {
    const after = events.at(-1)?.seq ?? 0;
    const page = await store.history({ room_id: room, after, limit: 1_000, messages_only: false });
    if (page.length === 0) return events;
    events.push(...page);
  }
}

export interface Child {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** Resolves with the first line that fits. */
  line(pattern: RegExp): Promise<string>;
  say(line: string): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  readonly ended: Promise<void>;
}

/** The command that runs test/adapters/sqlite-main.ts, whose tasks are described there. */
export function childCommand(...args: readonly string[]): string[] {
  return [
    process.execPath,
    '--enable-source-maps',
    fileURLToPath(new URL('./sqlite-main.js', import.meta.url)),
    ...args,
  ];
}

export function spawnChild(t: Teardown, command: readonly string[]): Child {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => void lines.push(line));
  // Everything it printed before it was killed has been read by then.
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  t.teardown(kill);
  return {
    process: child,
    lines,
    ended,
    kill,
    say: (line) => void child.stdin.write(`${line}\n`),
    async line(pattern) {
      await until(() => lines.some((line) => pattern.test(line)) || child.exitCode !== null, {
        timeoutMs: 60_000,
        what: () => `${String(pattern)} from a child that printed ${lines.slice(-5).join(' | ')}`,
      });
      const found = lines.find((line) => pattern.test(line));
      if (found === undefined) throw new Error(`the child ended: ${lines.slice(-5).join(' | ')}`);
      return found;
    },
  };
}

/** A room of `count` events; each `every`th is no message. Written as SQL: a million appends would take long. */
export function fillRoom(db: Connection, room: string, count: number, every: number): void {
  db.exec(
    `INSERT INTO rooms (room_id, head_seq, first_seq, swept_seq, status, created_at)
     VALUES ('${room}', ${count}, 1, 1, 'open', '2024-01-01T00:00:00.000Z')`,
  );
  db.exec(
    `INSERT INTO events (room_id, seq, event_id, type, at, user_name, text)
     WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${count})
     SELECT '${room}', x, '${room}-' || x, iif(x % ${every} = 0, 'member_kicked', 'message_posted'),
       '2024-01-01T00:00:00.000Z', 'ann', iif(x % ${every} = 0, NULL, 'Hello ' || x) FROM n`,
  );
}
