import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { append, message, messages, seqs, upTo } from '../conformance/store-fixture.js';
import { until } from '../support/until.js';
import {
  childCommand,
  everything,
  folderOf,
  make,
  open,
  refusal,
  spawnChild,
  type Child,
} from './sqlite-fixture.js';

const MIB = 1024 * 1024;

interface Trouble {
  /** What makes writing fail soon after the start. */
  readonly command: readonly string[];
  /** Where the child's files are, as this process sees them. */
  readonly seen: (child: Child, path: string) => string;
  readonly end: (child: Child) => void;
  readonly reason: RegExp;
}

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** Starts the child, lets it run into the trouble, ends that, and looks at what was answered and what is there. */
async function overcome(t: Test, path: string, { command, seen, end, reason }: Trouble): Promise<void> {
  const child = spawnChild(t, [...command, ...childCommand('fill', path)]);
  t.equal(await child.line(/^(started|refused)/), 'started');
  t.match(await child.line(/^state false/), reason);
  const before = child.lines.length;
  const refusals = (): number => child.lines.slice(before).filter((line) => line === 'not committed').length;
  await until(() => refusals() >= 40, { timeoutMs: 30_000, what: 'many attempts' });
  t.same(
    child.lines.slice(before).filter((line) => line.startsWith('committed')),
    [],
    'nothing is answered meanwhile',
  );
  end(child);
  await until(() => child.lines.slice(before).filter((line) => line.startsWith('committed')).length > 20, {
    timeoutMs: 30_000,
    what: () => `commits again, after ${child.lines.slice(-3).join('; ')}`,
  });
  t.ok(child.lines.slice(before).includes('state true '), 'ready by itself');
  t.ok(child.lines.some((line) => line.includes('cannot be written')));
  t.ok(child.lines.some((line) => line.includes('can be written again')));
  child.say('stop');
  await child.line(/^closed/);
  const copy = `${path}-copy`;
  copyFileSync(seen(child, path), copy);
  await child.kill();
  const answered = child.lines
    .filter((line) => line.startsWith('committed'))
    .map((line) => Number(line.split(' ')[2]));
  const { store } = await open(t, copy);
  const there = seqs(await everything(store, 'a'));
  t.same(there, upTo(0, there.length), 'no gap');
  t.same(
    answered.filter((seq) => seq > there.length),
    [],
    'all that was answered is there',
  );
}

/** A root of one's own if need be: in a namespace of mounts that ends with its process. */
const UNSHARE = process.getuid?.() === 0 ? ['unshare', '-m'] : ['unshare', '-r', '-m'];

function mayMount(): boolean {
  const [program, ...args] = [...UNSHARE, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'];
  return spawnSync(program ?? '', args).status === 0;
}

const FULL = 'refused with the reason, nothing answered that is not there, well again with space';
// Where nobody may mount a small disk, the limit below stands for it.
if (mayMount())
  t.test(`a full disk: ${FULL}`, async (t) => {
    const disk = join(folderOf(t), 'disk');
    mkdirSync(disk);
    const seen = (child: Child, path: string): string => `/proc/${child.process.pid}/root${path}`;
    const ballast = `head -c ${7 * MIB} /dev/zero > ${disk}/ballast`;
    await overcome(t, join(disk, 'parlor.db'), {
      command: [
        ...UNSHARE,
        'sh',
        '-c',
        `mount -t tmpfs -o size=12m tmpfs ${disk} && ${ballast} && exec "$@"`,
        'sh',
      ],
      seen,
      end: (child) => rmSync(seen(child, join(disk, 'ballast'))),
      reason: /^state false the disk is full: free some space where .*parlor\.db is/,
    });
  });
else t.comment(`no small disk: ${UNSHARE.join(' ')} mount is not permitted here`);

t.test('files that may not grow: refused with the reason, well again once they may', async (t) => {
  await overcome(t, join(folderOf(t), 'parlor.db'), {
    // dash counts in blocks of 512 bytes.
    command: ['sh', '-c', `ulimit -S -f ${(3 * MIB) / 512} && exec "$@"`, 'sh'],
    seen: (_child, path) => path,
    end: (child) => run('prlimit', '--pid', String(child.process.pid), '--fsize=unlimited:'),
    reason: /^state false the disk under .*parlor\.db does not work: .*SQLITE_IOERR_WRITE/,
  });
});

t.test('damage that is met while running: not ready for good, and no false answer', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const filled = (await open(t, path)).store;
  const posted = messages('a', 1, 20_000);
  for (let i = 0; i < posted.length; i += 1_000)
    await filled.append([append('a', ...posted.slice(i, i + 1_000))]);
  await filled.close();

  const { store, complaints } = await open(t, path);
  const pages = Math.floor(statSync(path).size / 4_096) - 40;
  // Another process writes: this one would lose its locks on a file that it opens and closes beside SQLite.
  run('dd', 'if=/dev/urandom', `of=${path}`, 'bs=4096', 'seek=30', `count=${pages}`, 'conv=notrunc');
  const wrong: string[] = [];
  let refused = '';
  for (let after = 0; after < 20_000 && refused === ''; after += 200) {
    const page = await store
      .history({ room_id: 'a', after, limit: 200, messages_only: true })
      .catch((cause: unknown) => void (refused = String(cause)));
    if (page && JSON.stringify(page) !== JSON.stringify(posted.slice(after, after + 200)))
      wrong.push(`after ${after}`);
  }
  t.match(refused, /the database file .*parlor\.db is damaged: restore a backup/);
  t.same(wrong, []);
  t.match(store.state(), { ready: false, reason: /is damaged: restore a backup/ });
  t.match(await refusal(store.append([append('a', message('a', 20_001))])), /is damaged: restore a backup/);
  t.ok(complaints.some((line) => line.includes('given up until the next start')));
});

t.test('a file that is moved away while in use is noticed at the next write', async (t) => {
  const path = join(folderOf(t), 'parlor.db');
  const { store } = await open(t, path);
  await store.append([append('a', message('a', 1))]);
  renameSync(path, `${path}.away`);
  t.match(
    await refusal(store.append([append('a', message('a', 2))])),
    /parlor\.db was moved or deleted while in use/,
  );
  t.match(store.state(), { ready: false, reason: /put it back, and restart Parlor/ });
  renameSync(`${path}.away`, path);
  await store.close();
  const again = make(t, path).store;
  await again.start();
  t.same(seqs(await everything(again, 'a')), [1]);
});
