import { connect } from 'amqplib';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { startBrowser } from '../support/browser.js';
import { runCommand, type Command } from '../support/command.js';
import { codeOf } from '../support/markdown.js';
import { startParlor, type Env, type Parlor } from '../support/parlor.js';
import { ensurePython } from '../support/python.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';

const README = readFileSync(new URL('../../../examples/README.md', import.meta.url), 'utf8');
const COMMANDS = codeOf(README, 'sh').flatMap((code) => code.trim().split('\n'));
const LOBBY = 'channel:lobby';
/** Where the README has the pages served. */
const PAGES = 'http://127.0.0.1:8080';

ensurePython();

/** The command of the README in which this stands. */
function commandWith(text: string): string {
  const found = COMMANDS.filter((command) => command.includes(text));
  if (found.length !== 1) throw new Error(`examples/README.md has ${found.length} commands with ${text}`);
  return found[0] as string;
}

function run(t: Test, command: string, env: Env = {}): Command {
  const running = runCommand(command, env);
  t.teardown(() => running.end('SIGKILL'));
  return running;
}

async function start(t: Test, env: Env = {}): Promise<Parlor> {
  const parlor = await startParlor(env);
  t.teardown(() => parlor.end());
  return parlor;
}

/** The texts in a room, in order. */
async function textsIn(parlor: Parlor, room: string): Promise<string[]> {
  const answer = await parlor.get(`/api/rooms/${room}/messages`);
  const { messages } = (await answer.json()) as { messages: { text: string }[] };
  return messages.map(({ text }) => text);
}

t.test('two people talk, one in the page and one in the React app', async (t) => {
  t.equal(await run(t, commandWith('rolldown')).exited, 0);
  const [, port] = await run(t, commandWith('http.server').replace(/8080$/, '0')).says(
    /127\.0\.0\.1 port (\d+)/,
  );
  const here = `http://127.0.0.1:${port}`;
  const [, origins = ''] = /ORIGINS=(\S+)/.exec(commandWith('ORIGINS')) ?? [];
  const parlor = await start(t, { ORIGINS: origins.replace(PAGES, here) });
  await parlor.post(LOBBY, { user: 'carol', text: 'Before anybody came' });

  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const complaints: string[] = [];
  const visit = async (address: string | undefined): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    page.on('console', (line) => {
      if (line.type() === 'error') complaints.push(`${line.text()} ${line.location().url}`);
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${address?.replace(PAGES, here)}&server=${parlor.http}`);
    await page.getByRole('status').getByText('connected · joined').waitFor();
    await page.getByRole('listitem').getByText('Before anybody came').waitFor();
    return page;
  };
  const addresses = Array.from(README.matchAll(/<(http:\S+\?user=\S+)>/g), ([, address]) => address);
  t.equal(addresses.length, 2);
  const [alice, bob] = (await Promise.all(addresses.map(visit))) as [Page, Page];

  const say = async (page: Page, text: string): Promise<void> => {
    await page.getByLabel('Message').fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
    for (const each of [alice, bob]) await each.getByRole('listitem').getByText(text).waitFor();
  };
  await say(alice, 'Hello');
  await say(bob, '<b>Hi</b> alice');
  for (const page of [alice, bob]) {
    await page
      .getByText('Here: ')
      .getByText(/alice.*bob|bob.*alice/)
      .waitFor();
    const lines = await page.getByRole('listitem').allInnerTexts();
    t.same(
      lines.map((line) => line.trim()),
      ['carol: Before anybody came', 'alice: Hello', 'bob: <b>Hi</b> alice'],
    );
  }
  t.same(complaints, [], 'nothing in the browser’s console');
});

t.test('the bot rolls dice, and gives up its seat when it is stopped', async (t) => {
  const parlor = await start(t, { GRACE_MS: '0' });
  const alice = await parlor.join(LOBBY, 'user=alice');
  const bot = run(t, `exec ${commandWith('bot.mjs')}`, { PARLOR_URL: parlor.http });
  await bot.says(/joined/);
  for (const text of ['!roll 2d6', 'a roll with butter', '!roll 1d1']) alice.send({ type: 'post', text });
  const rolls = async (): Promise<string[]> =>
    (await alice.count('message', 5)).filter(({ user }) => user === 'dice').map(({ text }) => String(text));
  const [first, second] = await rolls();
  t.match(first, /^alice rolls [1-6] \+ [1-6]$/);
  t.equal(second, 'alice rolls 1');
  t.equal(await bot.end(), 0);
  t.match(await alice.next('left'), { user: 'dice' });
});

/**
 * A network before Parlor at its worst. Of each four requests the first is cut off, the second reaches Parlor but its
 * answer is lost, the third finds Parlor overloaded.
 */
async function startBadNetwork(t: Test, parlor: Parlor): Promise<string> {
  let requests = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => void answer(requests++ % 4, request, Buffer.concat(chunks), response));
  });
  async function answer(
    turn: number,
    { url = '', headers }: { url?: string | undefined; headers: NodeJS.Dict<string | string[]> },
    body: Buffer,
    response: ServerResponse,
  ): Promise<void> {
    if (turn === 0) return void response.destroy();
    if (turn === 2) return void response.writeHead(503, { 'retry-after': '0' }).end();
    const sent = { 'idempotency-key': String(headers['idempotency-key']) };
    const passed = await parlor.send('POST', url, body.toString(), sent);
    const text = await passed.text();
    if (turn === 1) return void response.destroy();
    response.writeHead(passed.status, { 'content-type': 'application/json' }).end(text);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test('the service over HTTP posts each line once and in order over a bad network', async (t) => {
  const parlor = await start(t);
  const network = await startBadNetwork(t, parlor);
  const command = commandWith('report.py').replace('uptime', String.raw`printf 'one\ntwo\nthree\n'`);
  t.equal(await run(t, command, { PARLOR_URL: network }).exited, 0);
  t.same(await textsIn(parlor, LOBBY), ['one', 'two', 'three']);

  const uptime = run(t, commandWith('report.py'), { PARLOR_URL: parlor.http });
  t.equal(await uptime.exited, 0, 'the command as it is in the README');
  t.match(uptime.said(), /^4 .*load average/);
});

t.test('the service over HTTP ends at once when it is refused', async (t) => {
  const parlor = await start(t);
  await parlor.send('PUT', `/api/rooms/${LOBBY}`);
  await parlor.send('DELETE', `/api/rooms/${LOBBY}`);
  const report = run(t, commandWith('report.py'), { PARLOR_URL: parlor.http });
  t.equal(await report.exited, 1);
  t.match(report.said(), /room_closed/);
  t.notMatch(report.said(), /again in/);
});

t.test('the service over RabbitMQ answers each question once, also those it has missed', async (t) => {
  const [, name = '', value = ''] = /^(\w+)=(\w+) make run$/.exec(commandWith('BROKER')) ?? [];
  const env = { AMQP_URL: await ownVhost(), PARTITIONS: '16' };
  const parlor = await start(t, { [name]: value, ...env });
  const alice = await parlor.join('42', 'user=alice');
  const startService = async (): Promise<Command> => {
    const service = run(t, `exec ${commandWith('service.mjs')}`, env);
    await service.says(/listening/);
    return service;
  };
  const answers = async (wanted: number): Promise<void> => {
    await until(() => alice.of('message').filter(({ user }) => user === 'help').length >= wanted, {
      timeoutMs: 30_000,
      what: () => `${wanted} answers; got ${JSON.stringify(alice.of('message'))}`,
    });
  };

  const service = await startService();
  alice.send({ type: 'post', text: '!help' });
  await answers(1);
  await service.says(/"type":"posted"/);
  await service.end('SIGKILL');
  alice.send({ type: 'post', text: '!help' });
  await alice.count('ack', 2);
  const again = await startService();
  await answers(2);

  // An event that is delivered once more, as after a crash of the home.
  const events = (await (await parlor.get('/api/events?room_id=42&limit=1')).json()) as { events: object[] };
  const connection = await connect(env.AMQP_URL);
  t.teardown(() => connection.close());
  const channel = await connection.createConfirmChannel();
  channel.publish('parlor.events', '0', Buffer.from(JSON.stringify(events.events)));
  await channel.waitForConfirms();
  const first = alice.of('message').find(({ user }) => user === 'help');
  await again.says(new RegExp(`"type":"posted".*${String(first?.['id'])}`));
  alice.send({ type: 'post', text: '!help' });
  await answers(3);
  t.same(
    (await textsIn(parlor, '42')).map((text) => text === '!help'),
    [true, false, true, false, true, false],
    'one answer for each question',
  );
  t.equal(await again.end(), 0);
});
