import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type ConfirmChannel } from 'amqplib';
import t, { type Test } from 'tap';
import { newId } from '../../engine/ids.js';
import { partitionOf, slotOf } from '../../engine/slots.js';
import { startParlor, type Parlor } from '../support/parlor.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';

/** dist/test/e2e is three folders below the project. */
const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const PARTITIONS = 16;

async function start(t: Test): Promise<{ url: string; parlor: Parlor; channel: ConfirmChannel }> {
  const url = await ownVhost();
  const parlor = await startParlor({ BROKER: 'rabbitmq', AMQP_URL: url, PARTITIONS: String(PARTITIONS) });
  t.teardown(() => parlor.end());
  const connection = await connect(url);
  t.teardown(() => connection.close());
  return { url, parlor, channel: await connection.createConfirmChannel() };
}

/** What docs/rabbitmq.md says a service is, in a folder of its own. */
function saveService(t: Test): string {
  const page = readFileSync(join(PROJECT, 'docs/rabbitmq.md'), 'utf8');
  const code = /<!-- service\.mjs -->\n```js\n([\s\S]*?)```/.exec(page)?.[1];
  if (code === undefined) throw new Error('docs/rabbitmq.md has no service.mjs');
  const folder = mkdtempSync(join(tmpdir(), 'parlor-service-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'service.mjs'), code);
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'service.mjs');
}

t.test('the service in docs/rabbitmq.md posts into a room and hears all of them', async (t) => {
  const { url, parlor } = await start(t);
  const alice = await parlor.join('42', 'user=alice');
  const service = spawn(process.execPath, [saveService(t)], { env: { ...process.env, AMQP_URL: url } });
  t.teardown(() => service.kill('SIGKILL'));
  let said = '';
  for (const stream of [service.stdout, service.stderr]) {
    stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
  }
  const message = await alice.next('message');
  t.match(message, { seq: 1, user: 'service', text: 'Hello over RabbitMQ' });
  await until(() => said.includes('answer') && said.includes('message_posted'), {
    what: () => `both; got ${said}`,
  });
  t.match(said, /answer {"type":"posted","message":{.*"seq":1,/);

  await parlor.post('some-other-room', { text: 'to be followed' });
  await until(() => said.includes('"some-other-room"'), { what: () => `the other room; got ${said}` });
  t.match(said, /event .*"text":"to be followed"/);
});

const LONE = '\\ud800';
/** JSON.parse reads it, and JSON.stringify cannot write it. */
const DEEP = '['.repeat(20_000) + ']'.repeat(20_000);
/** What is published to a partition, and what its sender is told; null where it is not said in words of ours. */
const BAD: readonly { readonly name: string; readonly body: string; readonly says: RegExp }[] = [
  { name: 'no JSON', body: '{"type":', says: /not JSON/ },
  { name: 'no object', body: '42', says: /JSON object/ },
  { name: 'an unknown command', body: '{"type":"shout","room_id":"42"}', says: /must be one of post/ },
  { name: 'an unknown field', body: post({ colour: 'red' }), says: /colour: is not a known field/ },
  { name: 'a wrong type', body: post({ text: 42 }), says: /text: / },
  { name: 'no id', body: post({ id: undefined }), says: /id: is missing/ },
  { name: 'an id that is none', body: post({ id: 'one' }), says: /id: must be a UUID/ },
  { name: 'an empty text', body: post({ text: '  ' }), says: /text: must hold at least one character/ },
  { name: '2049 characters', body: post({ text: '😀'.repeat(2049) }), says: /text: must be at most 2048/ },
  { name: 'a lone surrogate', body: post({ text: 'X' }).replace('X', LONE), says: /text: holds half/ },
  { name: 'NUL', body: post({ text: 'a\u0000b' }), says: /text: must not hold the NUL/ },
  { name: 'a room id with a slash', body: post({ room_id: 'a/b' }), says: /room_id: must be 1–64/ },
  { name: 'a room id of 65', body: post({ room_id: 'x'.repeat(65) }), says: /room_id: must be 1–64/ },
  { name: 'a room of another partition', body: post({ room_id: 'elsewhere' }), says: /belongs to partition/ },
  {
    name: '20,000 lists in a list',
    body: post({ text: 'X' }).replace('"X"', DEEP),
    says: /text: expected string/,
  },
  { name: 'more than 1 MiB', body: post({ text: 'x'.repeat(1024 * 1024) }), says: /bytes/ },
];

function post(change: object): string {
  return JSON.stringify({
    type: 'post',
    room_id: '42',
    id: newId(),
    user: 'service',
    text: 'bad',
    ...change,
  });
}

t.test(
  'a command that is none is answered, kept in parlor.dead with its reason, and harms nobody',
  async (t) => {
    const { parlor, channel } = await start(t);
    const [alice, bob] = [await parlor.join('42', 'user=alice'), await parlor.join('42', 'user=bob')];
    const answers = new Map<string, string>();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.consume(
      queue,
      (reply) => {
        if (reply) answers.set(String(reply.properties.correlationId), reply.content.toString());
      },
      { noAck: true },
    );
    const partition = String(partitionOf(slotOf('42'), PARTITIONS));
    for (const { name, body } of BAD) {
      const properties = { persistent: true, replyTo: queue, correlationId: name };
      channel.publish('parlor.commands', partition, Buffer.from(body), properties);
    }
    channel.publish('parlor.commands', partition, Buffer.from([0xff, 0xfe, 0x7b]), {
      correlationId: 'no UTF-8',
      replyTo: queue,
    });
    channel.publish('parlor.commands', partition, Buffer.from(`[${DEEP}]`), {
      correlationId: 'an array with it',
      replyTo: queue,
    });
    await channel.waitForConfirms();
    await until(() => answers.size === BAD.length + 2, {
      what: () => `all answers; got ${[...answers.keys()].join(', ')}`,
    });
    for (const { name, says } of BAD) {
      const answer = JSON.parse(answers.get(name) ?? '{}') as { type: string; code: string; message: string };
      t.match(answer, { type: 'refused', code: 'bad_request', message: says }, name);
    }

    const reasons: unknown[] = [];
    await until(
      async () => {
        const dead = await channel.get('parlor.dead', { noAck: true });
        if (dead) reasons.push(dead.properties.headers?.['x-parlor-reason']);
        return reasons.length === BAD.length + 2;
      },
      { what: () => `all dead letters; got ${reasons.length}` },
    );
    t.strictSame([...new Set(reasons)], ['undecodable']);

    alice.send({ type: 'post', text: 'still here' });
    t.match(await bob.next('message'), { seq: 1, text: 'still here' });
    await parlor.send('DELETE', '/api/rooms/42');
    const late = post({ text: 'into a closed room' });
    channel.publish('parlor.commands', partition, Buffer.from(late), {
      replyTo: queue,
      correlationId: 'closed',
    });
    await until(() => answers.has('closed'), { what: 'the answer' });
    t.match(JSON.parse(answers.get('closed') ?? '{}'), { type: 'refused', code: 'room_closed' });
  },
);

t.test('a kick that a service sends again with its id does not throw out who has come back', async (t) => {
  const { parlor, channel } = await start(t);
  const alice = await parlor.join('42', 'user=alice');
  const bob = await parlor.join('42', 'user=bob');
  const answers: string[] = [];
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.consume(
    queue,
    (reply) => {
      if (reply) answers.push(reply.content.toString());
    },
    { noAck: true },
  );
  const id = newId();
  const body = Buffer.from(JSON.stringify({ type: 'kick', room_id: '42', id, user: 'bob' }));
  const partition = String(partitionOf(slotOf('42'), PARTITIONS));
  const kick = async (times: number): Promise<void> => {
    channel.publish('parlor.commands', partition, body, { persistent: true, replyTo: queue });
    await until(() => answers.length === times, { what: 'the answer' });
    t.same(JSON.parse(answers.at(-1) ?? ''), { type: 'done' });
  };
  await kick(1);
  t.equal((await bob.closed).code, 4403);
  const again = await parlor.join('42', 'user=bob');
  await kick(2);
  again.send({ type: 'post', text: 'I am back' });
  t.match(await alice.next('message'), { user: 'bob', text: 'I am back' });
  const event = await (await parlor.get(`/api/events/${id}`)).json();
  t.match(event, { type: 'member_kicked', user: 'bob' }, 'the event is found by the id of the command');
  t.equal(alice.of('member_kicked').length, 1);
});
