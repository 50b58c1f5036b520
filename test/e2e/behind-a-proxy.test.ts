import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { openEventStream } from '../support/event-stream.js';
import { openClient, startParlor } from '../support/parlor.js';
import { HAPROXY, NGINX, startProxyServer, type ProxyConfig } from '../support/proxy-server.js';
import { until } from '../support/until.js';

/** Longer than the 60 s after which both close what is silent; QUIET_S=300 for longer. */
const QUIET_S = Number(process.env.QUIET_S ?? 75);

const PAGE = readFileSync(fileURLToPath(new URL('../../../docs/proxy.md', import.meta.url)), 'utf8');

/** The lines that the page says of a proxy. */
function linesOf(name: string): string {
  const code = new RegExp(`<!-- ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(PAGE)?.[1];
  if (code === undefined) throw new Error(`docs/proxy.md has no ${name}`);
  return code;
}

const nginx =
  (node: number): ProxyConfig =>
  (port, folder) => {
    const at = (name: string): string => `${name} ${join(folder, name)};`;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) =>
      at(`${name}_temp_path`),
    );
    const server = linesOf('nginx.conf').replace('listen 80', `listen 127.0.0.1:${port}`);
    return `pid ${join(folder, 'pid')};
      events {}
      http { access_log off; ${temporary.join(' ')} ${server.replace('127.0.0.1:8000', `127.0.0.1:${node}`)} }`;
  };

const haproxy =
  (node: number): ProxyConfig =>
  (port) =>
    linesOf('haproxy.cfg')
      .replace('bind :80', `bind 127.0.0.1:${port}`)
      .replace('127.0.0.1:8000', `127.0.0.1:${node}`);

t.setTimeout((QUIET_S + 60) * 1_000);
t.jobs = 2;

for (const [program, config] of [
  [NGINX, nginx],
  [HAPROXY, haproxy],
] as const)
  t.test(
    `behind ${program.name}, posts and history work, quiet WebSockets and streams live, and a client has its own address`,
    async (t) => {
      const parlor = await startParlor({ TRUSTED_PROXIES: '127.0.0.1' });
      t.teardown(() => parlor.end('SIGKILL'));
      const proxy = await startProxyServer(program, config(parlor.port));
      t.teardown(() => proxy.close());
      const http = `http://127.0.0.1:${proxy.port}`;
      await until(() => fetch(`${http}/health`).then(({ status }) => status === 200), {
        what: 'the way through',
      });
      const post = async (text: string): Promise<number> => {
        const answer = await fetch(`${http}/api/rooms/channel:42/messages`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ user: 'bob', text }),
        });
        await answer.text();
        return answer.status;
      };
      const mallory = openClient(`ws://127.0.0.1:${proxy.port}/ws/updates/43?user=mallory`, {
        localAddress: '127.0.0.2',
        headers: { 'x-forwarded-for': '198.51.100.1' },
      });
      await mallory.next('welcome');
      await mallory.close();
      await until(() => parlor.logs.some(({ user }) => user === 'mallory'), {
        what: 'the line about mallory',
      });
      t.match(
        parlor.logs.find(({ user }) => user === 'mallory'),
        { ip: '127.0.0.2' },
        'the one that the proxy saw, not the one that the client made up',
      );
      const alice = openClient(`ws://127.0.0.1:${proxy.port}/ws/updates/channel:42?user=alice`);
      await alice.next('welcome');
      const carol = openEventStream(`${http}/api/rooms/channel:42/stream?user=carol`);
      await carol.count('welcome', 1);
      t.equal(await post('one'), 201);
      await alice.next('message');
      await carol.count('message', 1);
      const longPoll = fetch(`${http}/api/events?room_id=polled&after=0&wait=30000`);
      const begun = performance.now();
      await until(() => performance.now() - begun > QUIET_S * 1_000, {
        what: 'time to pass',
        timeoutMs: (QUIET_S + 10) * 1_000,
      });
      t.equal(await post('two'), 201, 'after a silence in which idle connections to Parlor have ended');
      t.match(await alice.next('message'), { text: 'two' }, 'the WebSocket is the same');
      await carol.count('message', 2);
      t.ok(carol.reader.comments > 5, `so is the stream, over ${carol.reader.comments} comments`);
      t.equal(carol.reader.events.length, carol.frames.length, 'which has not ended');
      t.same(await (await longPoll).json(), { events: [], next: null, cursor: '0' }, 'after 30 s');
      const history = (await (await fetch(`${http}/api/rooms/channel:42/messages`)).json()) as {
        messages: { text: string }[];
      };
      t.same(
        history.messages.map(({ text }) => text),
        ['one', 'two'],
      );
    },
  );
