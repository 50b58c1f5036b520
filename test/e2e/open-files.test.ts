import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openClient, type Client } from '../support/parlor.js';
import { freePorts } from '../support/ports.js';
import { until } from '../support/until.js';

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));
const FILES = 400;

t.test('before its files run out a node refuses connections, says so, and serves those it has', async (t) => {
  const [port] = (await freePorts(1)) as [number];
  const limited = ['-c', `ulimit -n ${FILES} && exec "$0" "$@"`, process.execPath, MAIN];
  const child = spawn('sh', limited, {
    env: { ...process.env, PORT: String(port), STORE: 'memory', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let log = '';
  child.stdout.on('data', (bytes: Buffer) => (log += bytes.toString()));
  const http = `http://127.0.0.1:${port}`;
  await until(
    () =>
      fetch(`${http}/health`, { headers: { connection: 'close' } })
        .then((answer) => answer.ok)
        .catch(() => false),
    {
      what: 'it to listen',
      timeoutMs: 20_000,
    },
  );

  const inside: Client[] = [];
  const enter = async (n: number): Promise<boolean> => {
    const client = openClient(`ws://127.0.0.1:${port}/ws/updates/channel:42?user=user-${n}`);
    const first = await client.next('welcome').catch(() => client.next('error'));
    if (first.type === 'welcome') inside.push(client);
    else {
      t.match(first, { code: 'unavailable', message: /can take no more connections/ });
      t.equal((await client.closed).code, 4503);
    }
    return first.type === 'welcome';
  };
  let n = 0;
  while (n < FILES && (await enter(n))) n++;
  t.ok(n > FILES / 4 && n < FILES, `${n} were let in`);
  // The node looks every 100 ms: what a refused connection gives back must not count as enough.
  const end = performance.now() + 400;
  while (performance.now() < end) t.equal(await enter(n), false, 'and no more');
  t.notMatch(log, /enough free files again/);
  t.match(log, new RegExp(`nearly all ${FILES} files .* raise the limit`));
  const post = await fetch(`${http}/api/rooms/channel:42/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"user":"bob","text":"still here"}',
  });
  t.equal(post.status, 201);
  t.equal(post.headers.get('connection'), 'close');
  t.match(await inside[0]?.next('message'), { text: 'still here' });

  for (const client of inside.splice(0, 50)) client.socket.terminate();
  await until(() => log.includes('there are enough free files again'), { what: 'room for others' });
  t.equal(await enter(n), true);
});
