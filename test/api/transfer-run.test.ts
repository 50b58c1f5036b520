import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import t from 'tap';
import { runTransfer } from '../../api/transfer/run.js';
import type { ExportCommand, ImportCommand } from '../../api/command-line.js';
import type { Store } from '../../engine/ports.js';
import { collector, everything, exported, newStore, storeWith } from './transfer-fixture.js';

interface Surroundings {
  readonly stdin?: Readable & { isTTY?: boolean };
  readonly isTTY?: { stdout?: boolean; stderr?: boolean };
}

/** What a command came to: its exit code, and what it wrote where. */
async function ran(command: ExportCommand | ImportCommand, store: Store, around: Surroundings = {}) {
  const [out, err] = [collector(), collector()];
  const { isTTY } = around;
  const code = await runTransfer(command, store, {
    stdin: around.stdin ?? Readable.from([]),
    stdout: Object.assign(out.stream, { isTTY: isTTY?.stdout ?? false }),
    stderr: Object.assign(err.stream, { isTTY: isTTY?.stderr ?? false, columns: 100 }),
  });
  await new Promise((written) => err.stream.end(written));
  return { code, out: out.text(), err: err.text() };
}

const ALL = { command: 'export', rooms: 'all' } as const;

t.test('an export goes to standard output, and one line about it to standard error', async (t) => {
  const store = await storeWith({ a: 3, b: 1 });
  const text = await exported(store);
  t.same(await ran(ALL, store), { code: 0, out: text, err: 'exported 2 rooms, 4 events\n' });
  t.equal(store.state().ready, false, 'and the store is closed');
  const b = await ran({ command: 'export', rooms: ['b'] }, store);
  t.match(b, { code: 0, err: 'exported 1 room, 1 event\n' });
  t.same(await ran(ALL, await newStore()), {
    code: 0,
    out: '{"type":"complete","rooms":0}\n',
    err: 'exported 0 rooms, 0 events\n',
  });
});

t.test('of rooms of which one is not there, none is exported', async (t) => {
  const store = await storeWith({ a: 3 });
  t.same(await ran({ command: 'export', rooms: ['a', 'nowhere'] }, store), {
    code: 1,
    out: '',
    err: 'parlor: there is no room nowhere in this store\n',
  });
  t.equal(store.state().ready, false, 'and the store is closed');
});

t.test('an import reads a file or standard input', async (t) => {
  const source = await storeWith({ a: 3, b: 1 });
  const text = await exported(source);
  const file = join(t.testdir(), 'rooms.jsonl');
  writeFileSync(file, text);
  const [one, other] = [await newStore(), await newStore()];
  const said = { code: 0, out: '', err: 'imported 2 rooms, 4 events\n' };
  t.same(await ran({ command: 'import', file }, one), said);
  const stdin = Readable.from([Buffer.from(text)]);
  t.same(await ran({ command: 'import', file: null }, other, { stdin }), said);
  for (const copy of [one, other]) t.same(await everything(copy), await everything(source));
  t.match(await ran({ command: 'import', file }, one), {
    code: 0,
    err: 'imported 0 rooms, 0 events; 2 rooms already there\n',
  });
});

t.test('an import that fails says in which file and line, and what is there', async (t) => {
  const file = join(t.testdir(), 'rooms.jsonl');
  const text = await exported(await storeWith({ a: 2, b: 700 }));
  writeFileSync(file, text.split('\n').with(600, '{"type":"x"}').join('\n'));
  const copy = await newStore();
  const failed = await ran({ command: 'import', file }, copy);
  t.match(failed, { code: 1, out: '' });
  t.match(
    failed.err,
    /^parlor: .*rooms\.jsonl: line 601: it must be .*; imported so far: 1 room, 502 events. Import the whole file again to continue\n$/,
  );
  writeFileSync(file, text);
  t.match(await ran({ command: 'import', file }, copy), {
    code: 0,
    err: 'imported 1 room, 200 events; 1 room already there\n',
  });
});

t.test('what an error quotes from a file cannot reach the terminal as a command', async (t) => {
  const stdin = Readable.from([
    Buffer.from('{"type":"end","\\u001b[2J\\n":1,"room_id":"a","events":1,"head_seq":1}\n'),
  ]);
  const { err } = await ran({ command: 'import', file: null }, await newStore(), { stdin });
  t.match(err, /^parlor: standard input: line 1: .*\n$/);
  t.notMatch(err, '\u001b');
});

t.test('a file that cannot be read is an error in one line', async (t) => {
  const folder = t.testdir();
  for (const file of [join(folder, 'none'), folder]) {
    const { code, err } = await ran({ command: 'import', file }, await newStore());
    t.equal(code, 1);
    t.match(err, /^parlor: [^\n]*(ENOENT|EISDIR)[^\n]*\n$/);
    t.ok(err.includes(file));
  }
});

t.test('an import from a keyboard is not waited for', async (t) => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const { code, err } = await ran({ command: 'import', file: null }, await newStore(), { stdin });
  t.equal(code, 1);
  t.match(err, /Name a file, or pipe one in/);
});

t.test('a store that cannot be started is an error in one line', async (t) => {
  const store: Store = {
    ...(await newStore()),
    start: () => Promise.reject(new Error('the database is gone\n at x')),
  };
  t.same(await ran(ALL, store), { code: 1, out: '', err: 'parlor: the database is gone at x\n' });
});

t.test('a store that cannot be closed is an error in one line', async (t) => {
  const unclosable = async (rooms: Readonly<Record<string, number>>): Promise<Store> => ({
    ...(await storeWith(rooms)),
    close: () => Promise.reject(new Error('the disk is full\n at x')),
  });
  const line = 'parlor: cannot close the store: the disk is full at x\n';
  t.match(await ran(ALL, await unclosable({ a: 1 })), { code: 1, err: `exported 1 room, 1 event\n${line}` });
  const gone = collector();
  gone.stream.destroy();
  const code = await runTransfer(ALL, await unclosable({ a: 1 }), {
    stdin: Readable.from([]),
    stdout: gone.stream,
    stderr: collector().stream,
  });
  t.equal(code, 141, 'an exit code that says more is kept');
});

t.test('on a terminal there is a bar, which is gone at the end', async (t) => {
  const source = await storeWith({ a: 12_000 });
  const shown = await ran(ALL, source, { isTTY: { stderr: true } });
  t.match(shown.err, /Exporting \[[=-]{24}\] \d+% /);
  t.ok(shown.err.endsWith('\u001b[2Kexported 1 room, 12000 events\n'), JSON.stringify(shown.err.slice(-60)));
  const onScreen = await ran(ALL, source, { isTTY: { stderr: true, stdout: true } });
  t.ok(onScreen.out === shown.out, 'but not among the lines of an export that the terminal shows');
  t.equal(onScreen.err, 'exported 1 room, 12000 events\n');

  const file = join(t.testdir(), 'rooms.jsonl');
  writeFileSync(file, shown.out);
  const isTTY = { stderr: true };
  const fromFile = await ran({ command: 'import', file }, await newStore(), { isTTY });
  t.match(fromFile.err, /Importing \[[=-]{24}\] \d+% /);
  const stdin = Readable.from([Buffer.from(shown.out)]);
  const fromPipe = await ran({ command: 'import', file: null }, await newStore(), { isTTY, stdin });
  t.match(fromPipe.err, /Importing \d+ rooms?, \d+ events/);
  t.notMatch(fromPipe.err, '%', 'nobody knows how much there will be');
});
