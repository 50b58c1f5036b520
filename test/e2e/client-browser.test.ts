import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium, type Page } from 'playwright-core';
import t from 'tap';
import { ensureChromium } from '../support/chromium.js';
import { startParlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { startBadLink } from './support/bad-link.js';
import { startNoUpgrade } from './support/no-upgrade.js';

t.setTimeout(200_000);

/** A page that loads the client as it was built, on an origin of its own. */
const site = createServer((request, answer) => {
  const isScript = request.url === '/client.js';
  answer.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
  answer.end(
    isScript
      ? readFileSync('dist/package/client.js')
      : '<!doctype html><script type="module">window.parlor = await import("/client.js")</script>',
  );
});
site.listen(0, '127.0.0.1');
await once(site, 'listening');
const origin = `http://127.0.0.1:${(site.address() as { port: number }).port}`;
const parlor = await startParlor({ ORIGINS: origin });
const browser = await chromium.launch({
  executablePath: ensureChromium(),
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
});
t.teardown(async () => {
  await browser.close();
  site.closeAllConnections();
  site.close();
  await parlor.end();
});

interface Person {
  readonly page: Page;
  /** What the page knows. */
  readonly now: () => Promise<{
    status: string;
    transport: string | null;
    texts: string[];
    outgoing: string[];
  }>;
}

/** Somebody in a room, on a page; with settings as they are by default. */
async function person(port: number, user: string, room: string, page?: Page): Promise<Person> {
  const on = page ?? (await (await browser.newContext()).newPage());
  await on.goto(origin);
  await on.waitForFunction('window.parlor');
  await on.evaluate(`{
    const outbox = parlor.indexedDbOutbox(${JSON.stringify(user)});
    window.connection = parlor.connect('http://127.0.0.1:${port}', { user: ${JSON.stringify(user)}, outbox });
    window.room = connection.room(${JSON.stringify(room)});
    window.texts = [];
    room.on('message', ({ text }) => texts.push(text));
    room.join();
  }`);
  return {
    page: on,
    now: () =>
      on.evaluate(
        '({ status: connection.status, transport: connection.transport, texts, outgoing: room.outgoing.map(({ text }) => text) })',
      ),
  };
}

async function joined(port: number, user: string, room: string): Promise<Person> {
  const one = await person(port, user, room);
  await one.page.waitForFunction('room.status === "joined"');
  return one;
}

/** Waits until the page has seen this text, and returns for how long, ms. */
async function sees({ page }: Person, text: string): Promise<number> {
  const from = performance.now();
  await page.waitForFunction(`texts.includes(${JSON.stringify(text)})`, undefined, { timeout: 60_000 });
  return performance.now() - from;
}

/** The processes in which pages run: what a sleeping machine does to them is to stop them, while the clock goes on. */
async function renderers(): Promise<number[]> {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}

t.test('two pages talk', async (t) => {
  const alice = await joined(parlor.port, 'alice', 'talk');
  const bob = await joined(parlor.port, 'bob', 'talk');
  await alice.page.evaluate('room.post("hello")');
  await sees(bob, 'hello');
  t.match(await alice.now(), { status: 'connected', transport: 'websocket', outgoing: [] });
});

t.test('behind a proxy that refuses WebSockets a page talks within 3 s', async (t) => {
  const proxy = await startNoUpgrade(parlor.port);
  t.teardown(() => proxy.close());
  const from = performance.now();
  const alice = await joined(proxy.port, 'alice', 'blocked');
  await alice.page.evaluate('room.post("over HTTP")');
  await sees(alice, 'over HTTP');
  t.ok(performance.now() - from < 3_000, `${Math.round(performance.now() - from)} ms`);
  t.match(await alice.now(), { transport: 'sse', texts: ['over HTTP'] });
});

t.test('a link that died unseen is noticed within 5 s when the network is back', async (t) => {
  const link = await startBadLink(parlor.port);
  t.teardown(() => link.close());
  const alice = await joined(link.port, 'alice', 'offline');
  await alice.page.context().setOffline(true);
  link.befall('half-open', 0);
  await alice.page.evaluate('void room.post("from the tunnel")');
  t.match(await alice.now(), { texts: [], outgoing: ['from the tunnel'] });
  await alice.page.context().setOffline(false);
  const ms = await sees(alice, 'from the tunnel');
  t.ok(ms < 5_000, `${Math.round(ms)} ms`);
  t.match(await alice.now(), { texts: ['from the tunnel'], outgoing: [] });
});

t.test('after a sleep a dead link is noticed within 5 s, and nothing was missed', async (t) => {
  const link = await startBadLink(parlor.port);
  t.teardown(() => link.close());
  const alice = await joined(link.port, 'alice', 'sleep');
  const pages = await renderers();
  for (const pid of pages) process.kill(pid, 'SIGSTOP');
  link.befall('half-open', 0);
  await parlor.post('sleep', { user: 'bob', text: 'good night' });
  // Long enough for a tick of the page to be late.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  for (const pid of pages) process.kill(pid, 'SIGCONT');
  const ms = await sees(alice, 'good night');
  t.ok(ms < 5_000, `${Math.round(ms)} ms`);
});

t.test('a page in the background goes on, and is there when it is looked at again', async (t) => {
  const alice = await joined(parlor.port, 'alice', 'background');
  const other = await alice.page.context().newPage();
  await other.bringToFront();
  await parlor.post('background', { user: 'bob', text: 'psst' });
  await sees(alice, 'psst');
  await alice.page.bringToFront();
  await alice.page.evaluate('room.post("here I am")');
  await sees(alice, 'here I am');
  t.match(await alice.now(), { status: 'connected', texts: ['psst', 'here I am'] });
});

t.test('what was posted without a network is sent after a reload, in order', async (t) => {
  const link = await startBadLink(parlor.port);
  t.teardown(() => link.close());
  const alice = await joined(link.port, 'alice', 'reload');
  link.befall('half-open', 0);
  await alice.page.evaluate(
    'void ["one", "two", "three"].forEach((text) => room.post(text).catch(() => undefined))',
  );
  t.match(await alice.now(), { outgoing: ['one', 'two', 'three'] });
  const again = await person(link.port, 'alice', 'reload', alice.page);
  await sees(again, 'three');
  const { texts, outgoing } = await again.now();
  t.same([texts, outgoing], [['one', 'two', 'three'], []]);
  const stored = (): Promise<number> =>
    again.page.evaluate('parlor.indexedDbOutbox("alice").load().then(({ length }) => length)');
  await until(async () => (await stored()) === 0, { what: 'the outbox to be empty' });
});
