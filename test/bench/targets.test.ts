import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import WebSocket from 'ws';
import { startBare } from '../../bench/amqp/bare.js';
import { runAmqpPosts } from '../../bench/amqp/poster.js';
import { missingBroker } from '../../bench/targets/broker.js';
import { findCentrifugo } from '../../bench/targets/centrifugo.js';
import { missing, startTarget, type Target, type TargetName } from '../../bench/targets/target.js';
import { ownDatabase } from '../support/postgres.js';

/** This runs from dist/. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const ROOM = 'channel:test-0';
const ID = '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a';
const MESSAGE = {
  type: 'message',
  id: ID,
  room_id: ROOM,
  seq: 100000,
  user: 'alice',
  text: 'Hello',
  created_at: '2026-01-01T00:00:00.000Z',
};

interface Client {
  send(text: string): void;
  /** Resolves with the next frame, an earlier one included, that holds this text. */
  hears(part: string): Promise<string>;
}

async function connect(t: Test, target: Target, path: string): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${target.port}${path}`, { perMessageDeflate: false });
  t.teardown(() => socket.terminate());
  const frames: string[] = [];
  let look = (): void => undefined;
  socket.on('message', (data: Buffer, isBinary) => {
    t.equal(isBinary, false, 'text frames only');
    frames.push(data.toString());
    look();
  });
  await once(socket, 'open');
  return {
    send: (text) => socket.send(text),
    hears: (part) =>
      new Promise((resolve) => {
        look = () => {
          const found = frames.find((frame) => frame.includes(part));
          if (found !== undefined) resolve(found);
        };
        look();
      }),
  };
}

async function start(t: Test, name: TargetName, settings?: Record<string, string>): Promise<Target> {
  const target = await startTarget(name, settings);
  t.teardown(() => target.stop());
  t.equal(target.name, name);
  t.match(target.version, /^\S.* \d+\.\d+\.\d+/);
  t.ok(target.settings.length > 10 && !target.settings.includes('\n'), target.settings);
  t.ok(target.residentBytes() > 1e6);
  t.ok(target.backBytes() > 1e4, 'it has read its own program, at least');
  t.ok(target.cpuSeconds() >= 0 && target.mainThreadSeconds() >= 0);
  return target;
}

/** Where benchmarks keep the databases of a run. */
const KEPT = join(ROOT, 'dist/bench-data');

function filesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

async function end(t: Test, target: Target): Promise<void> {
  t.strictSame(target.complaints(), []);
  await target.stop();
  t.throws(() => target.cpuSeconds(), 'its process is gone');
  await target.stop();
}

async function postToParlor(t: Test, target: Target): Promise<void> {
  t.equal(target.dialect, 'parlor');
  const client = await connect(t, target, `/ws/updates/${ROOM}?user=alice`);
  await client.hears('"type":"welcome"');
  client.send(JSON.stringify({ type: 'post', text: 'Hello', id: ID }));
  t.match(await client.hears('"type":"message"'), 'Hello');
  t.match(await client.hears('"type":"ack"'), ID);
  t.ok(Number(await target.heapBytes()) > 1e6);
}

t.test('parlor', async (t) => {
  const target = await start(t, 'parlor');
  await postToParlor(t, target);
  t.equal(target.brokerCpuSeconds(), null);
  await end(t, target);
});

t.test('parlor-sqlite keeps messages on the disk, and leaves nothing there', async (t) => {
  const before = filesOf(KEPT);
  const target = await start(t, 'parlor-sqlite', { STORE: 'memory' });
  await postToParlor(t, target);
  t.equal(filesOf(KEPT).length, before.length + 1);
  await end(t, target);
  t.same(filesOf(KEPT), before);
});

t.test('parlor, which need not log to be found', async (t) => {
  await end(t, await start(t, 'parlor', { LOG_LEVEL: 'fatal' }));
});

t.test('parlor-before is the program in the folder that PARLOR_BEFORE names', async (t) => {
  const named = process.env['PARLOR_BEFORE'];
  t.teardown(() => {
    if (named === undefined) delete process.env['PARLOR_BEFORE'];
    else process.env['PARLOR_BEFORE'] = named;
  });
  delete process.env['PARLOR_BEFORE'];
  t.match(await missing('parlor-before'), /^PARLOR_BEFORE is not set: .+$/);
  process.env['PARLOR_BEFORE'] = t.testdir();
  t.match(await missing('parlor-before'), /^there is no .+main\.js: run make build in .+$/);
  await t.rejects(startTarget('parlor-before'), /there is no .+main\.js/);
  process.env['PARLOR_BEFORE'] = ROOT;
  t.equal(await missing('parlor-before'), null);
  const target = await start(t, 'parlor-before');
  await postToParlor(t, target);
  await end(t, target);
});

t.test('parlor-rabbitmq', async (t) => {
  const why = missingBroker();
  t.equal(await missing('parlor-rabbitmq'), why);
  if (why !== null) return t.comment(`parlor-rabbitmq is not tested: ${why}`);
  const target = await start(t, 'parlor-rabbitmq');
  await postToParlor(t, target);
  const cpu = target.brokerCpuSeconds();
  t.ok(cpu === null || cpu > 0.1, `the broker has used ${cpu} s`);
  await end(t, target);
});

t.test('a second node on the broker and the store of parlor-rabbitmq', async (t) => {
  const why = missingBroker();
  if (why !== null) return t.comment(`it is not tested: ${why}`);
  const store = { STORE: 'postgres', DATABASE_URL: await ownDatabase(), DATABASE_POOL: '1' };
  const target = await start(t, 'parlor-rabbitmq', store);
  const second = await start(t, 'parlor-rabbitmq', { ...store, AMQP_URL: String(target.brokerUrl) });
  const client = await connect(t, second, `/ws/updates/${ROOM}?user=bob`);
  const reader = await connect(t, target, `/ws/updates/${ROOM}?user=alice`);
  await Promise.all([client, reader].map((each) => each.hears('"type":"welcome"')));
  client.send(JSON.stringify({ type: 'post', text: 'Across' }));
  t.match(await reader.hears('Across'), '"user":"bob"');
  await end(t, second);
  await end(t, target);
});

for (const [name, settings] of [
  ['uws-raw', {}],
  ['uws-relay', {}],
  ['uws-gathered', {}],
  ['ws', {}],
  ['ws', { FRAMES: '1' }],
] as const) {
  const how = Object.keys(settings).map((setting) => `, with ${setting}`);
  t.test(`${name} gives a room the bytes that were posted, and no other room${how.join('')}`, async (t) => {
    const target = await start(t, name, settings);
    t.equal(target.dialect, 'plain');
    const [poster, reader, other] = await Promise.all(
      [ROOM, ROOM, 'channel:test-1'].map((room, i) =>
        connect(t, target, `/ws/updates/${room}?user=user-${i}`),
      ) as [Promise<Client>, Promise<Client>, Promise<Client>],
    );
    const frame = JSON.stringify(MESSAGE);
    poster.send(frame);
    t.equal(await reader.hears('Hello'), frame);
    t.equal(await poster.hears('Hello'), frame);
    other.send('{"to":"the other room"}');
    t.equal(await other.hears('{'), '{"to":"the other room"}', 'the first that it hears');
    t.ok(Number(await target.heapBytes()) > 1e6);
    await end(t, target);
  });
}

t.test('uws-gathered with ACKS=1 tells a poster, and nobody else, that its posts are out', async (t) => {
  const target = await start(t, 'uws-gathered', { ACKS: '1' });
  const path = `/ws/updates/${ROOM}`;
  const [poster, reader] = [await connect(t, target, path), await connect(t, target, path)];
  const second = ID.replace('0190', '0191');
  for (const id of [ID, second]) poster.send(JSON.stringify({ ...MESSAGE, id }));
  t.match(await poster.hears('"type":"ack"'), new RegExp(`^{"type":"ack","id":"${ID}","seq":\\d+}$`));
  t.match(await poster.hears(`{"type":"ack","id":"${second}"`), '"seq":');
  reader.send(JSON.stringify({ ...MESSAGE, text: 'Bye' }));
  t.match(await reader.hears('"type":"ack"'), '"seq":3');
  await end(t, target);
});

t.test('socket.io', async (t) => {
  const target = await start(t, 'socket.io');
  t.equal(target.dialect, 'socket.io');
  const client = await connect(t, target, '/socket.io/?EIO=4&transport=websocket');
  await client.hears('0{');
  client.send('40');
  await client.hears('40{');
  client.send(`42${JSON.stringify(['join', ROOM])}`);
  await client.hears('42["joined"]');
  client.send(`42${JSON.stringify(['post', MESSAGE])}`);
  t.equal(await client.hears('42["message"'), `42${JSON.stringify(['message', MESSAGE])}`);
  t.ok(Number(await target.heapBytes()) > 1e6);
  await end(t, target);
});

t.test('centrifugo', async (t) => {
  if (findCentrifugo() === null) return t.comment('centrifugo is not tested: it is not installed');
  t.equal(await missing('centrifugo'), null);
  const target = await start(t, 'centrifugo');
  t.equal(target.dialect, 'centrifugo');
  const client = await connect(t, target, '/connection/websocket');
  client.send(`{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe: { channel: ROOM } })}`);
  await client.hears('"id":2,"subscribe"');
  client.send(JSON.stringify({ id: 3, publish: { channel: ROOM, data: MESSAGE } }));
  t.ok((await client.hears('"push"')).includes(JSON.stringify(MESSAGE)));
  t.equal(await target.heapBytes(), null);
  await end(t, target);
});

t.test('fastify-node', async (t) => {
  const target = await start(t, 'fastify-node');
  const post = (body: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${target.port}/api/rooms/${ROOM}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const answer = await post({ text: 'Hello', user: 'alice', id: ID });
  t.equal(answer.status, 201);
  t.match(await answer.json(), { id: ID, room_id: ROOM, seq: 1, user: 'alice', text: 'Hello' });
  t.equal((await post({ text: '' })).status, 400);
  await end(t, target);
});

t.test('amqp-bare', async (t) => {
  const why = missingBroker();
  if (why !== null) return t.comment(`amqp-bare is not tested: ${why}`);
  const bare = await startBare();
  t.teardown(() => bare.stop());
  t.match(bare.version, /^amqplib \d/);
  const edges: string[] = [];
  const plan = { rooms: 5, inFlight: 4, warmUpMs: 100, seconds: 0.5, textBytes: 100 };
  const result = await runAmqpPosts(
    { url: bare.brokerUrl ?? '', ...plan },
    { begun: () => edges.push('begun'), ended: () => edges.push('ended') },
  );
  t.same(edges, ['begun', 'ended']);
  t.ok(result.posts > 5, `${result.posts} posts were answered`);
  t.same(result.refused, {}, 'and none was refused');
  t.ok(result.latency.p50 > 0 && result.latency.p50 <= result.latency.p99);
  t.ok(result.cpuSeconds > 0);
});
