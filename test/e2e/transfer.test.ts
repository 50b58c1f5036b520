import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { endLine, eventLine, completeLine, roomLine } from '../../api/transfer/format.js';
import { messages, record } from '../conformance/store-fixture.js';
import { startParlor, type Env, type Parlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';
import { JWT_ENV, token } from '../support/tokens.js';
import { until } from '../support/until.js';
import { oneTo } from './support/chat.js';

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));

/** `parlor` with these arguments, whose standard input is to be written or ended by the caller. */
function begin(args: readonly string[], env: Env) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  let err = '';
  child.stdout.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
  // A program that ends leaves what it has not read.
  child.stdin.on('error', () => child.stdin.destroy());
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const over = new Promise<{ code: number | null; out: Buffer; err: string }>((resolve) =>
    child.once('close', (code) => {
      process.off('exit', kill);
      resolve({ code, out: Buffer.concat(out), err });
    }),
  );
  return { child, over };
}

function parlor(args: string, env: Env, input = '') {
  const { child, over } = begin(args === '' ? [] : args.split(' '), env);
  child.stdin.end(input);
  return over;
}

const sqlite = (folder: string, name: string): Env => ({
  STORE: 'sqlite',
  SQLITE_PATH: join(folder, `${name}.db`),
});

/** Rooms with something of everything that a room can have gone through. */
async function liveIn(node: Parlor): Promise<void> {
  for (const n of oneTo(1_200)) {
    const text = n % 7 === 0 ? `ä😀漢 "${n}" \\ \n<b>` : `message ${n}`;
    const user = n % 5 === 0 ? {} : { user: 'ann' };
    const { status } = await node.post('42', { text, ...user }, { 'x-request-id': `r-${n}` });
    if (status !== 201) throw new Error(`post ${n} was answered ${status}`);
  }
  await node.send('PUT', '/api/rooms/group:7', { capacity: 3, retention: { max_messages: 100_000 } });
  await node.post('group:7', { text: 'hello' });
  await node.send('PUT', '/api/rooms/group:7', { post: 'anyone', deliver_alone: false });
  const bob = await node.join('group:7', 'user=bob');
  bob.send({ type: 'post', text: 'alone' });
  await bob.next('ack');
  await node.send('DELETE', '/api/rooms/group:7/members/bob');
  await bob.closed;
  for (const n of oneTo(20)) await node.post('purged', { text: `${n}` });
  await node.send('DELETE', '/api/rooms/purged?purge=true');
  await node.post('gone', { text: 'last words' });
  await node.send('DELETE', '/api/rooms/gone');
  await (await node.join('silent', 'user=ann')).close();
}

t.test('a chat moves from SQLite to PostgreSQL and back while servers run, byte for byte', async (t) => {
  const folder = t.testdir();
  const source = sqlite(folder, 'source');
  const postgres = { STORE: 'postgres', DATABASE_URL: await ownDatabase() };
  const back = sqlite(folder, 'back');
  const [old, fresh] = await Promise.all([startParlor(source), startParlor(postgres)]);
  await liveIn(old);

  const quiet = await parlor('export --all', source);
  t.match(quiet, { code: 0, err: /^exported 5 rooms, \d+ events\n$/ });
  let posting = true;
  const posts = (async () => {
    const statuses: number[] = [];
    while (posting) statuses.push((await old.post('42', { text: 'meanwhile' })).status);
    return statuses;
  })();
  const busy = await parlor('export --all', source);
  posting = false;
  t.same([...new Set(await posts)], [201]);
  t.equal(busy.code, 0, busy.err);
  const others = (text: Buffer) =>
    text
      .toString()
      .split('\n')
      .filter((line) => !line.includes('"42"'));
  t.same(others(busy.out), others(quiet.out), 'nobody wrote the other rooms');
  t.ok(busy.out.length >= quiet.out.length);

  const file = join(folder, 'rooms.jsonl');
  writeFileSync(file, busy.out);
  const there = await parlor(`import ${file}`, postgres);
  t.match(there, { code: 0, err: /^imported 5 rooms, \d+ events\n$/ });
  t.equal(there.out.toString(), '');
  const copy = await parlor('export --all', postgres);
  t.equal(copy.code, 0, copy.err);
  t.ok(copy.out.equals(busy.out), 'the copy’s export is the original’s');
  t.match(await parlor('import', back, copy.out.toString()), { code: 0 });
  const home = await parlor('export --all', back);
  t.ok(home.out.equals(busy.out), 'and so is that of the copy’s copy');
  t.match(await parlor(`import ${file}`, postgres), {
    code: 0,
    err: 'imported 0 rooms, 0 events; 5 rooms already there\n',
  });

  const page = '/api/rooms/42/messages?after=600&limit=200';
  t.same(await (await fresh.get(page)).json(), await (await old.get(page)).json());
  t.equal((await fresh.get('/api/rooms/gone')).status, (await old.get('/api/rooms/gone')).status);
  const head = ((await (await fresh.get('/api/rooms/42')).json()) as { head_seq: number }).head_seq;
  t.match(await (await fresh.post('42', { text: 'and on' })).json(), { seq: head + 1 });
  t.equal(await old.end(), 0);
  t.equal(await fresh.end(), 0);
});

t.test('who is revoked stays so where everything is imported, on every store', async (t) => {
  const folder = t.testdir();
  const postgres = { STORE: 'postgres', DATABASE_URL: await ownDatabase() };
  const [first, last] = [sqlite(folder, 'first'), sqlite(folder, 'last')];
  const service = { authorization: `Bearer ${await token({ sub: 'office', scope: 'service' })}` };
  const alice = await token({ sub: 'alice', rooms: [{ room: '*', may: ['join', 'post'] }] });
  const bob = await token({ sub: 'bob', jti: 'bobs', rooms: [{ room: '*', may: ['join', 'post'] }] });
  const bearer = (jwt: string) => ({ authorization: `Bearer ${jwt}` });

  const old = await startParlor({ ...first, ...JWT_ENV });
  t.equal((await old.post('42', { text: 'Hello' }, bearer(alice))).status, 201);
  await old.send('PUT', '/api/revocations/users/alice', {}, service);
  await old.send('PUT', '/api/revocations/tokens/bobs', { until: '2999-01-01T00:00:00Z' }, service);
  t.equal(await old.end(), 0);

  const from = await parlor('export --all', first);
  t.match(from, { code: 0, err: 'exported 1 room, 1 event, 2 revocations\n' });
  for (const env of [postgres, last]) {
    const there = await parlor('import', env, from.out.toString());
    t.match(there, { code: 0, err: 'imported 1 room, 1 event, 2 revocations\n' }, there.err);
    t.ok((await parlor('export --all', env)).out.equals(from.out));
    const fresh = await startParlor({ ...env, ...JWT_ENV });
    for (const jwt of [alice, bob])
      t.match(await (await fresh.post('42', { text: 'again' }, bearer(jwt))).json(), { detail: /revoked/ });
    t.equal(await fresh.end(), 0);
  }
});

/** The export of a room with so many messages. */
function madeUp(count: number): string {
  const room = record('big', count);
  const events = messages('big', 1, count).map((event) => eventLine({ ...event, text: 'x'.repeat(100) }));
  return [roomLine(room, 1), ...events, endLine(room, count), completeLine(1)].join('');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const)
  t.test(`an import that ${signal} ends goes on when it is run again`, async (t) => {
    const env = sqlite(t.testdir(), 'copy');
    const text = madeUp(3_000);
    const { child, over } = begin(['import'], env);
    child.stdin.write(text.split('\n').slice(0, 1_700).join('\n'));
    const stored = async (): Promise<string | false> => {
      const { code, out } = await parlor('export big', env);
      return code === 0 && out.length > 0 && out.toString();
    };
    const half = await until(async () => ((await stored()) || '').split('\n').length > 1_500 && stored(), {
      timeoutMs: 60_000,
      what: '1500 events to be stored',
    });
    t.match(JSON.parse((half || '').split('\n')[0] ?? ''), { room: { status: 'closed' } });
    child.kill(signal);
    const { code, err } = await over;
    t.equal(code, { SIGINT: 130, SIGTERM: 143, SIGKILL: null }[signal]);
    if (signal !== 'SIGKILL')
      t.match(
        err,
        /^parlor: standard input: interrupted; imported so far: 0 rooms, 1500 events\. Import the whole/,
      );

    t.same(await parlor('import', env, text), {
      code: 0,
      out: Buffer.from(''),
      err: 'imported 1 room, 1500 events\n',
    });
    t.equal((await parlor('export big', env)).out.toString(), text);
  });

t.test('an export whose reader goes away ends quietly', async (t) => {
  const env = sqlite(t.testdir(), 'big');
  t.match(await parlor('import', env, madeUp(20_000)), { code: 0 });
  const { child, over } = begin(['export', 'big'], env);
  child.stdout.once('data', () => child.stdout.destroy());
  t.match(await over, { code: 141, err: '' });
});

t.test('what cannot be done is one line on standard error, and nothing on standard output', async (t) => {
  const folder = t.testdir({
    'bad.jsonl': '{"type":"room"}\n',
    'text.db': 'this is no database, whatever it is',
  });
  const env = sqlite(folder, 'rooms');
  t.match(await parlor('import', env, madeUp(3)), { code: 0 });
  const wrong: [args: string, env: Env, code: number, says: RegExp][] = [
    ['export nowhere', env, 1, /there is no room nowhere/],
    ['export big nowhere', env, 1, /there is no room nowhere/],
    [`import ${folder}/bad.jsonl`, env, 1, /bad\.jsonl: line 1: /],
    [`import ${folder}/none.jsonl`, env, 1, /none\.jsonl/],
    ['export --all', { ...env, SQLITE_PATH: join(folder, 'text.db') }, 1, /text\.db/],
    ['export --all', { STORE: 'memory' }, 2, /STORE=memory/],
    ['export --all', { STORE: 'mongo' }, 2, /STORE="mongo"/],
    ['exprot big', env, 2, /no command "exprot"/],
    ['export', env, 2, /--all/],
  ];
  for (const [args, env, code, says] of wrong) {
    const result = await parlor(args, env);
    t.equal(result.code, code, args);
    t.match(result.err, says);
    t.match(result.err, /^parlor: [^\n]+\n$/);
    t.equal(result.out.toString(), '');
  }
});

t.test('help and version are answered without a store', async (t) => {
  const help = await parlor('--help', {});
  t.match(help, { code: 0, err: '' });
  t.match(help.out.toString(), /Usage: parlor/);
  const version = await parlor('--version', { PORT: 'none' });
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  t.equal(version.out.toString().trim(), (JSON.parse(manifest) as { version: string }).version);
});
