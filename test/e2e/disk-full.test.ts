import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { guard } from '../support/guard.js';
import { startParlor, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { unready } from './support/chat.js';
import { assertAllThere, startInsistent } from './support/insistent.js';

const ROOM = 'channel:full';
const MIB = 1024 * 1024;
const PATIENCE = { timeoutMs: 60_000 };

/** A place with little room, which a test can end. */
interface Narrow {
  readonly path: string;
  /** Leaves about so many bytes. */
  fill(parlor: Parlor, bytes: number): void;
  free(parlor: Parlor): void;
  readonly reason: RegExp;
}

/** A disk of 16 MiB where that may be mounted; elsewhere files that may not grow, which fail in the same way. */
function narrow(t: Test): Narrow {
  const folder = mkdtempSync(join(tmpdir(), 'parlor-full-'));
  const path = join(folder, 'parlor.db');
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder]).status === 0;
  const guarded = guard('umount "$1" 2>/dev/null; rm -rf "$1"', folder);
  t.teardown(() => guarded.release());
  const ballast = join(folder, 'ballast');
  if (mounted) {
    return {
      path,
      fill: (_parlor, bytes) => writeFileSync(ballast, Buffer.alloc(16 * MIB - bytes - used(folder))),
      free: () => rmSync(ballast),
      reason: /the disk is full: free some space where .*parlor\.db/,
    };
  }
  const limit = (parlor: Parlor, bytes: string): void =>
    void execFileSync('prlimit', ['--pid', String(parlor.pid), `--fsize=${bytes}:`]);
  return {
    path,
    fill: (parlor, bytes) => limit(parlor, String(statSync(`${path}-wal`).size + bytes)),
    free: (parlor) => limit(parlor, 'unlimited'),
    reason: /the disk under .*parlor\.db does not work/,
  };
}

function used(folder: string): number {
  return Number(execFileSync('du', ['-sk', folder], { encoding: 'utf8' }).split('\t')[0]) * 1024;
}

t.test(
  'a full disk: refused with the reason, no answer that is not true, well again with space',
  async (t) => {
    const disk = narrow(t);
    const env = { STORE: 'sqlite', SQLITE_PATH: disk.path };
    const parlor = await startParlor(env);
    t.teardown(() => parlor.end('SIGKILL'));
    const load = startInsistent(parlor, ROOM, 4, (n) => `${n} ${'x'.repeat(1_500)}`);
    const alice = await parlor.join(ROOM, 'user=alice');
    await until(() => load.accepted.length >= 50, { ...PATIENCE, what: 'a beginning' });
    disk.fill(parlor, 2 * MIB);
    let reason: string | null = null;
    await until(async () => (reason = await unready(parlor)) !== null, { ...PATIENCE, what: 'a full disk' });
    t.match(reason, disk.reason);
    const refusedId = '01890000-0000-7000-8000-000000000001';
    alice.send({ type: 'post', id: refusedId, text: 'while it is full' });
    t.match(await alice.next('error'), { code: 'unavailable', id: refusedId });
    const { putOff } = load;
    await until(() => load.putOff > putOff, { ...PATIENCE, what: 'posts to be refused' });
    const [accepted, deaf] = [load.accepted.length, await unready(parlor)];
    t.match(deaf, disk.reason);
    disk.free(parlor);
    await until(async () => (await unready(parlor)) === null, { ...PATIENCE, what: 'ready again' });
    await until(() => load.accepted.length >= accepted + 50, { ...PATIENCE, what: 'posts to be accepted' });
    await load.stop();
    await parlor.end('SIGKILL');
    const again = await startParlor(env);
    t.teardown(() => again.end());
    await assertAllThere(t, again, ROOM, load);
  },
);
