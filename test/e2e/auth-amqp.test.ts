import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connect, type ConfirmChannel } from 'amqplib';
import t, { type Test } from 'tap';
import { COMMANDS } from '../../engine/messages/commands.js';
import { newId } from '../../engine/ids.js';
import { partitionOf, slotOf } from '../../engine/slots.js';
import { startParlor, type Parlor } from '../support/parlor.js';
import { ownVhost, startPrivateRabbit } from '../support/rabbitmq.js';
import { JWT_ENV, token } from '../support/tokens.js';
import { until } from '../support/until.js';

/*
 * The row of RabbitMQ in the matrix of auth-matrix.test.ts: tokens are for clients, and RabbitMQ itself says which services may
 * publish commands.
 */

t.setTimeout(120_000);

const PARTITIONS = 16;
const ROOM = 'channel:office';

type Answer = Readonly<Record<string, unknown>>;

/** A peer on the broker: publishes commands, and is told what came of each. */
interface Peer {
  readonly channel: ConfirmChannel;
  /** Publishes this to the room's partition, and resolves with the answer. */
  command(body: object, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

async function startPeer(t: Test, url: string): Promise<Peer> {
  const connection = await connect(url);
  t.teardown(() => connection.close());
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const answers = new Map<string, string>();
  await channel.consume(
    queue,
    (reply) => {
      if (reply) answers.set(String(reply.properties.correlationId), reply.content.toString());
    },
    { noAck: true },
  );
  return {
    channel,
    async command(body, headers = {}) {
      const correlationId = randomUUID();
      const properties = { persistent: true, replyTo: queue, correlationId, headers };
      channel.publish('parlor.commands', partitionOfRoom(), Buffer.from(JSON.stringify(body)), properties);
      await until(() => answers.has(correlationId), { what: `an answer to ${JSON.stringify(body)}` });
      return JSON.parse(answers.get(correlationId) ?? '{}') as Answer;
    },
  };
}

const partitionOfRoom = (): string => String(partitionOf(slotOf(ROOM), PARTITIONS));

function startNode(url: string): Promise<Parlor> {
  return startParlor({ ...JWT_ENV, BROKER: 'rabbitmq', AMQP_URL: url, PARTITIONS: String(PARTITIONS) });
}

/** A command of each type, in an order in which each of them can be carried out, and what its sender is told. */
function commandsOfAllTypes(): readonly (readonly [body: Answer & { type: string }, answer: Answer])[] {
  const about = { room_id: ROOM };
  const who = { user: 'bob', connection_id: newId() };
  const node = { node_id: newId() };
  return [
    [{ ...about, type: 'open', policy: { capacity: 9 } }, { type: 'opened' }],
    [{ ...about, type: 'post', id: newId(), user: 'bob', text: 'Hello' }, { type: 'posted' }],
    [{ ...about, type: 'join', ...who, ...node }, { type: 'joined' }],
    [{ ...about, type: 'typing', user: 'bob' }, { type: 'done' }],
    [{ ...about, type: 'assert', ...node, present: [who], first: true, last: true }, { type: 'asserted' }],
    [{ ...about, type: 'describe' }, { type: 'described' }],
    [{ ...about, type: 'leave', ...who }, { type: 'done' }],
    [{ ...about, type: 'kick', user: 'bob' }, { type: 'done' }],
    [{ ...about, type: 'close', purge: false }, { type: 'done' }],
  ];
}

t.test(
  'with AUTH=jwt, too, a peer on RabbitMQ acts as any user, by any command, without a token',
  async (t) => {
    const url = await ownVhost();
    const parlor = await startNode(url);
    t.teardown(() => parlor.end());
    const peer = await startPeer(t, url);
    const all = commandsOfAllTypes();
    t.same(all.map(([{ type }]) => type).sort(), Object.keys(COMMANDS).sort(), 'all commands are stated');
    for (const [body, answer] of all) t.match(await peer.command(body), answer, body.type);
    const refused = await parlor.post(ROOM, { text: 'Hello', user: 'bob' });
    t.equal(refused.status, 401, 'while HTTP asks for a token');
  },
);

/** By the rule for names; what is no name at all is in doors.test.ts. */
const NAMELESS = ['', ' ', ' alice', 'al\u0007ice', 'al\u202eice', 'al\u200bice', '..', 'x'.repeat(65)];

/** Takes all that is in parlor.dead by now, when there are so many. */
async function deadLetters(channel: ConfirmChannel, count: number) {
  const found: { readonly headers: Answer; readonly body: string }[] = [];
  await until(
    async () => {
      const dead = await channel.get('parlor.dead', { noAck: true });
      if (dead) found.push({ headers: dead.properties.headers ?? {}, body: dead.content.toString() });
      return found.length >= count;
    },
    { what: () => `${count} dead letters; got ${found.length}` },
  );
  return found;
}

t.test('what a peer says is checked as at every door, and a token in it is told to nobody', async (t) => {
  const url = await ownVhost();
  const parlor = await startNode(url);
  t.teardown(() => parlor.end());
  const peer = await startPeer(t, url);
  const about = { room_id: ROOM };
  const named = (user: string): readonly object[] => [
    { ...about, type: 'post', id: newId(), user, text: 'Hello' },
    { ...about, type: 'join', user, connection_id: newId(), node_id: newId() },
    { ...about, type: 'kick', user },
  ];
  const bad = NAMELESS.flatMap(named);
  for (const body of bad) {
    const said = await peer.command(body);
    t.match(said, { type: 'refused', code: 'bad_request', message: /^user: / }, JSON.stringify(body));
  }
  t.same(
    (await deadLetters(peer.channel, bad.length)).map(({ headers }) => headers['x-parlor-reason']),
    bad.map(() => 'undecodable'),
  );

  const secret = await token({ sub: 'office', scope: 'service' });
  const headers = { authorization: `Bearer ${secret}`, token: secret };
  const carrying = commandsOfAllTypes().map(([body]) => ({ ...body, token: secret }));
  for (const body of carrying) {
    const said = await peer.command(body, headers);
    const message = /token: is not a known field/;
    t.match(said, { type: 'refused', code: 'bad_request', message }, body.type);
    t.notOk(JSON.stringify(said).includes(secret), 'the answer does not have it');
  }
  for (const dead of await deadLetters(peer.channel, carrying.length)) {
    t.equal(dead.headers['x-parlor-reason'], 'undecodable');
    t.notOk(JSON.stringify(dead.headers).includes(secret), 'nor have the headers of the dead letter');
    t.ok(dead.body.includes(secret), 'whose body is what was sent');
  }
  t.ok(parlor.logs.some(({ msg }) => msg === 'rabbitmq: a command goes to parlor.dead'));
  t.notOk(JSON.stringify(parlor.logs).includes(secret), 'nor has the log');

  const post = { ...about, type: 'post', id: newId(), user: 'alice', text: 'and a good one' };
  t.match(await peer.command(post, headers), { type: 'posted', message: { user: 'alice' } });
});

/** What SECURITY.md lets a service of this name do: rabbitmqctl's three patterns. */
function permissionsOf(user: string): readonly string[] {
  const text = readFileSync(fileURLToPath(new URL('../../../SECURITY.md', import.meta.url)), 'utf8');
  const line = new RegExp(`^rabbitmqctl set_permissions -p / ${user} '(.*)' '(.*)' '(.*)'$`, 'm').exec(text);
  if (!line) throw new Error(`SECURITY.md does not say what ${user} may do`);
  return line.slice(1);
}

/** Does something on a channel of its own, and resolves with why the broker has closed that; null: it has not. */
async function outcome(url: string, act: (channel: ConfirmChannel) => unknown): Promise<string | null> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  let why: string | null = null;
  channel.on('error', (cause: Error) => (why = cause.message));
  try {
    await act(channel);
    // A publish has no answer of its own, but the broker deals with what a channel sends in order.
    await channel.checkExchange('amq.direct');
  } catch (cause) {
    why ??= cause instanceof Error ? cause.message : String(cause);
  }
  await connection.close();
  return why;
}

t.test(
  'with the permissions in SECURITY.md a service posts and listens, and can do nothing else',
  async (t) => {
    const rabbit = await startPrivateRabbit();
    t.teardown(() => rabbit.close());
    const parlor = await startNode(rabbit.url);
    t.teardown(() => parlor.end());
    await rabbit.ctl('add_user', 'office', 'pass');
    await rabbit.ctl('set_permissions', '-p', '/', 'office', ...permissionsOf('office'));
    const url = `amqp://office:pass@127.0.0.1:${rabbit.port}`;
    const body = Buffer.from('{}');

    const office = await startPeer(t, url);
    const heard: string[] = [];
    for (const own of ['', 'office.events']) {
      const { queue } = await office.channel.assertQueue(own, { exclusive: true });
      await office.channel.bindQueue(queue, 'parlor.events', '#');
      await office.channel.consume(queue, (event) => heard.push(String(event?.content)), { noAck: true });
    }
    const post = { type: 'post', room_id: ROOM, id: newId(), user: 'alice', text: 'from the office' };
    t.match(await office.command(post), { type: 'posted' }, 'it posts, and gets its answer');
    await until(() => heard.filter((text) => text.includes('from the office')).length === 2, {
      what: 'the event in both of its queues',
    });

    const guest = await connect(rabbit.url);
    t.teardown(() => guest.close());
    const channel = await guest.createChannel();
    await channel.assertQueue('another.events', { durable: false });
    const refused: Readonly<Record<string, (channel: ConfirmChannel) => unknown>> = {
      'take commands': (channel) => channel.consume('parlor.commands.3', () => undefined),
      'take one command': (channel) => channel.get('parlor.commands.3'),
      'read dead letters': (channel) => channel.get('parlor.dead'),
      'listen to commands': (channel) => channel.bindQueue('office.events', 'parlor.commands', '3'),
      'listen to the nodes': (channel) => channel.bindQueue('office.events', 'parlor.nodes', 'all'),
      'divert commands': (channel) => channel.unbindQueue('parlor.commands.3', 'parlor.commands', '3'),
      'purge commands': (channel) => channel.purgeQueue('parlor.commands.3'),
      'delete commands': (channel) => channel.deleteQueue('parlor.commands.3'),
      'delete an exchange': (channel) => channel.deleteExchange('parlor.events'),
      'declare a partition': (channel) => channel.assertQueue('parlor.commands.99'),
      'declare the mark of a cluster': (channel) => channel.assertQueue('parlor.cluster', { durable: false }),
      'declare an exchange of Parlor’s': (channel) => channel.assertExchange('parlor.more', 'topic'),
      'forge events': (channel) => channel.publish('parlor.events', '3', body),
      'speak as a node': (channel) => channel.publish('parlor.nodes', 'all', body),
      'forge dead letters': (channel) => channel.publish('parlor.dead', '', body),
      'go around the exchange': (channel) => channel.publish('', 'parlor.commands.3', body),
      'read what another service is sent': (channel) => channel.get('another.events'),
      'write into another service’s queue': (channel) => channel.publish('', 'another.events', body),
    };
    for (const [what, act] of Object.entries(refused))
      t.match(await outcome(url, act), /ACCESS_REFUSED/, `it cannot ${what}`);
    t.equal(await outcome(url, (channel) => channel.publish('parlor.commands', '3', body)), null);
    await rabbit.ctl('add_vhost', 'elsewhere');
    await t.rejects(connect(`${url}/elsewhere`), /ConnectionClose/, 'nor enter another virtual host');
    t.match(await office.command({ ...post, id: newId() }), { type: 'posted' }, 'and it goes on as before');

    const member = await parlor.join(ROOM, `access_token=${await token({ sub: 'ann', scope: 'service' })}`);
    const queues = (await rabbit.ctl('-q', 'list_queues', 'name'))
      .split('\n')
      .filter((name) => name.startsWith('parlor.'));
    t.ok(
      ['parlor.commands', 'parlor.words', 'parlor.events', 'parlor.replies'].every((prefix) =>
        queues.some((name) => name.startsWith(`${prefix}.`)),
      ),
    );
    for (const replyTo of queues) {
      const one = Buffer.from(JSON.stringify({ ...post, id: newId(), text: replyTo }));
      for (const command of [one, Buffer.from('{')])
        office.channel.publish('parlor.commands', partitionOfRoom(), command, {
          replyTo,
          correlationId: newId(),
        });
    }
    t.match(await office.command({ ...post, id: newId(), text: 'the last one' }), { type: 'posted' });
    await member.count('message', queues.length + 1);
    t.same(
      member.of('message').map(({ text }) => text),
      [...queues, 'the last one'],
      'answers in the queues of Parlor itself do no harm',
    );
    t.same(
      parlor.logs.filter(({ level }) => level >= 50),
      [],
    );
  },
);
