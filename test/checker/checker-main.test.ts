import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { readHistory, writeHistory } from './file.js';
import type { History, Visit } from './history.js';
import { histories } from './simulate.js';

const MAIN = fileURLToPath(new URL('checker-main.js', import.meta.url));

const message = { id: 'm1', user: 'alice', text: 'Hello' };
const entry = { seq: 1, type: 'message_posted', message };
const GOOD: History = {
  attempts: [{ connection: 'c', room_id: '42', ...message, sent_at: 15, answer: { type: 'posted', seq: 1 } }],
  members: [
    {
      room_id: '42',
      name: 'bob',
      sessions: [{ since: null, head_seq: 0, recovered: null, entries: [entry] }],
      stayed: true,
    },
  ],
  rooms: [{ room_id: '42', head_seq: 1, entries: [entry], capacity: 1, post: 'anyone', grace_ms: 0 }],
  visits: [visit('bob', 10, 20)],
  kicks: [],
  rosters: [{ room_id: '42', asked_at: 16, answered_at: 17, members: ['bob'] }],
  unsettled: [],
};
const BAD: History = {
  ...GOOD,
  rooms: [{ room_id: '42', head_seq: 0, entries: [], capacity: 1, post: 'anyone', grace_ms: 0 }],
  visits: [...GOOD.visits, visit('carol', 15, 30)],
};

function visit(user: string, welcome_at: number, closed_at: number): Visit {
  const [asked_at, sure_until] = [welcome_at - 1, closed_at - 1];
  return { room_id: '42', user, asked_at, welcome_at, sure_until, closed_at, doubts: [], told: [] };
}

t.test('a history that holds: one line that says so, and exit code 0', async (t) => {
  for (const path of await written(t.testdir(), 'good', GOOD))
    t.same(await run(path), {
      code: 0,
      stdout: 'the promises hold: 1 posts, 1 members, 1 rooms\n',
      stderr: '',
    });
});

t.test('a history that does not: a line for each violation, and exit code 1', async (t) => {
  for (const path of await written(t.testdir(), 'bad', BAD))
    t.same(await run(path), {
      code: 1,
      stdout:
        'promise 2, lost: m1 was answered with seq 1 in room 42 and is not in the store\n' +
        'promise 2, vanished: bob saw m1 as seq 1 of room 42, and it is not in the store\n' +
        'promise 3, over_capacity: room 42 has 1 seats and had bob, carol in it at 15 ms\n' +
        'seats, seat_lost: carol had a seat in room 42, and was missing in what a service was told at 17 ms\n' +
        '4 violations: 1 posts, 1 members, 1 rooms\n',
      stderr: '',
    });
});

t.test(
  'a history that does not tell enough, or tells what cannot be: a line that says so, and exit code 1',
  async (t) => {
    const rooms = GOOD.rooms.map((room) => ({ ...room, head_seq: 0, entries: [{ ...entry, seq: 0 }] }));
    const strange = { ...GOOD, rooms };
    const line = 'the store has the seq of m1 as 0 in room 42, where only 1, 2, 3, … can be\n';
    for (const path of await written(t.testdir(), 'strange', strange)) {
      const { code, stdout, stderr } = await run(path);
      t.same({ code, stderr }, { code: 1, stderr: '' });
      t.ok(stdout.startsWith(`promise 1, bad_seq: ${line}`), stdout);
    }
    for (const path of await written(t.testdir(), 'unread', { ...GOOD, rooms: [] })) {
      const { code, stdout, stderr } = await run(path);
      t.same({ code, stderr }, { code: 1, stderr: '' });
      t.match(
        stdout,
        'no promise can be checked, not_read: bob was in room 42, of which the history has no reading of the store\n',
      );
    }
  },
);

t.test('what is no history: one line that says where, and exit code 2', async (t) => {
  const folder = t.testdir({
    'broken.json': '{"attempts": [',
    'other.json': '{"attempts": [], "members": []}',
    'broken.jsonl': '\n{"room":\n',
    'other.jsonl':
      '{"room": {"room_id": "42", "head_seq": "1", "entries": [], "capacity": 1, "post": "anyone", "grace_ms": 0}}\n',
    'unknown.jsonl': '{"rom": {}}\n',
  });
  const expected = [
    ['broken.json', /broken\.json: .*JSON/],
    ['other.json', /other\.json: rooms: is missing/],
    ['broken.jsonl', /broken\.jsonl:2: .*JSON/],
    ['other.jsonl', /other\.jsonl:1: head_seq: /],
    ['unknown.jsonl', /unknown\.jsonl:1: a line is an object with one field: attempt, member, room/],
    ['missing.json', /no such file/],
  ] as const;
  for (const [name, pattern] of expected) {
    const { code, stdout, stderr } = await run(join(folder, name));
    t.equal(code, 2, name);
    t.equal(stdout, '');
    t.match(stderr, pattern);
    t.equal(stderr.trimEnd().split('\n').length, 1, `one line: ${stderr}`);
  }
  t.match(await run(), { code: 2, stderr: /name one file/ });
});

t.test('a history that is written is read again as it was', async (t) => {
  const path = join(t.testdir(), 'history.jsonl');
  const property = fc.asyncProperty(histories, async (history) => {
    await writeHistory(path, history);
    t.same(await readHistory(path), history);
  });
  await t.resolves(fc.assert(property, { numRuns: 20 }));
});

/** The same history in both forms of a file. */
async function written(folder: string, name: string, history: History): Promise<string[]> {
  const paths = [join(folder, `${name}.json`), join(folder, `${name}.jsonl`)] as const;
  await writeFile(paths[0], JSON.stringify(history, null, 2));
  await writeHistory(paths[1], history);
  return [...paths];
}

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}
