import t, { type Test } from 'tap';
import { HEADERS_LIMIT } from '../../../adapters/rabbitmq/connection/long-headers.js';
import { newId } from '../../../engine/ids.js';
import type { RoomEvent } from '../../../engine/messages/events.js';
import { slotOf } from '../../../engine/slots.js';
import { posted } from '../../conformance/broker-fixture.js';
import { until } from '../../support/until.js';
import { cleanBroker, foreign, keyOf, post, startNode, type Foreign, type TestNode } from './node.js';
import { publishRaw, tableOfTables } from './raw-publish.js';

t.setTimeout(110_000);

async function begin(t: Test): Promise<{ node: TestNode; service: Foreign; url: string }> {
  const url = await cleanBroker();
  const node = await startNode(url);
  const service = await foreign(url);
  t.teardown(async () => {
    await service.close();
    await node.broker.close();
  });
  return { node, service, url };
}

const done = { type: 'done' };
const somewhere = keyOf('42');

void t.test('a service posts by publishing one command, and gets its answer', async (t) => {
  const { node, service } = await begin(t);
  const command = post('42', 'from a service');
  const message = posted(command, 1);
  node.act = (delivery) => delivery.settle({ type: 'posted', message });
  t.same(await service.call(somewhere, command), { type: 'posted', message });
  t.same(node.deliveries[0]?.command, command);
});

void t.test('a service that wants no answer posts all the same', async (t) => {
  const { node, service } = await begin(t);
  await service.send(somewhere, post('42', 'no answer wanted'));
  await until(() => node.texts().length === 1, { what: 'the post' });
  t.same(node.texts(), ['no answer wanted']);
});

void t.test('a service sends several commands in one message, and gets an answer to each', async (t) => {
  const { node, service } = await begin(t);
  const commands = [post('42', 'a'), post('42', 'b'), { type: 'post', room_id: '42' }, post('42', 'c')];
  node.act = (delivery) => {
    const { command } = delivery;
    if (command.type === 'post')
      delivery.settle({ type: 'posted', message: posted(command, node.texts().length) });
  };
  const pairs = (await service.call(somewhere, commands)) as [number, { type: string; code?: string }][];
  t.same(
    pairs.sort(([a], [b]) => a - b).map(([i, answer]) => [i, answer.code ?? answer.type]),
    [
      [0, 'posted'],
      [1, 'posted'],
      [2, 'bad_request'],
      [3, 'posted'],
    ],
  );
  t.same(node.texts(), ['a', 'b', 'c']);
  const dead = await service.dead();
  t.same([dead.reason, JSON.parse(dead.body)], ['undecodable', commands[2]]);
});

void t.test('a service cannot claim that the id of its command is new', async (t) => {
  const { node, service } = await begin(t);
  const kick = { type: 'kick', room_id: '42', id: newId(), user: 'alice' };
  for (const command of [post('42', 'x'), kick]) {
    t.same(await service.call(somewhere, { ...command, fresh: true }), done);
    t.same(node.deliveries.at(-1)?.command, command);
  }
});

void t.test('a service follows all rooms with a queue of its own', async (t) => {
  const { node, service } = await begin(t);
  const { channel } = service;
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'parlor.events', '#');
  const heard: RoomEvent[] = [];
  await channel.consume(queue, (message) => {
    const events = JSON.parse(String(message?.content)) as RoomEvent[];
    t.ok(events.every(({ room_id }) => message?.fields.routingKey === String(slotOf(room_id))));
    t.equal(message?.properties.appId, node.id);
    heard.push(...events);
  });
  const rooms = ['1', '2', 'group:a', 'channel:b.c'];
  const events = Array.from({ length: 40 }, (_, i) => posted(post(rooms[i % 4] ?? '1', `m${i}`), i >> 2));
  await node.broker.publish(events.slice(0, 20));
  await node.broker.publish(events.slice(20));
  await until(() => heard.length >= 40, { what: 'all events' });
  for (const room of rooms) {
    const of = (list: readonly RoomEvent[]): RoomEvent[] => list.filter(({ room_id }) => room_id === room);
    t.same(of(heard), of(events), room);
  }
});

const good = post('42', 'good');
const GARBAGE: readonly (readonly [what: string, body: unknown, detail: RegExp, key?: string])[] = [
  ['nothing', Buffer.alloc(0), /not JSON/],
  ['text', Buffer.from('hello'), /not JSON/],
  ['half of an object', Buffer.from('{"type":"post"'), /not JSON/],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), /not UTF-8/],
  ['a number', 7, /JSON object/],
  ['null', null, /JSON object/],
  ['an empty array', [], /without a command/],
  ['too many commands', Array.from({ length: 101 }, () => good), /at most 100/],
  ['no type', { room_id: '42' }, /type: must be one of post, join/],
  ['an unknown type', { ...good, type: 'constructor' }, /type: must be one of/],
  ['an unknown field', { ...good, admin: true }, /admin: is not a known field/],
  ['a wrong type', { ...good, text: 7 }, /text/],
  ['an id that is none', { ...good, id: 'x' }, /id: must be a UUID/],
  ['an empty text', { ...good, text: '   ' }, /text: must hold/],
  ['a text of 2049', { ...good, text: 'x'.repeat(2049) }, /text: must be at most 2048/],
  [
    'half a surrogate',
    Buffer.from(JSON.stringify({ ...good, text: 'X' }).replace('X', '\\ud800')),
    /surrogate/,
  ],
  ['a NUL', { ...good, text: 'a\u0000b' }, /NUL/],
  ['a room id with a slash', { ...good, room_id: 'a/b' }, /room_id/],
  ['a prototype', Buffer.from(JSON.stringify(good).replace('{', '{"__proto__":{"a":1},')), /known field/],
  ['another partition', good, /belongs to partition/, String((Number(somewhere) + 1) % 4)],
  ['over 1 MiB', Buffer.alloc(1024 * 1024 + 1, 'x'), /at most 1048576/],
];

void t.test(
  'what is no command is refused, kept in parlor.dead with the reason, and harms nobody',
  async (t) => {
    const { node, service } = await begin(t);
    for (const [what, body, detail, key = somewhere] of GARBAGE) {
      const answer = await service.call(key, body);
      t.match(answer, { type: 'refused', code: 'bad_request', message: detail }, what);
      const dead = await service.dead();
      t.match(dead, { reason: 'undecodable', detail, key }, what);
      if (Buffer.isBuffer(body)) t.ok(body.toString().startsWith(dead.body), what);
      else t.same(JSON.parse(dead.body), body, what);
    }
    t.same(node.deliveries, [], 'the engine has seen nothing of it');
    t.equal(node.witness.drops.filter((reason) => reason === 'undecodable_command').length, GARBAGE.length);
    t.same(await service.call(somewhere, good), done, 'and the next good one is carried out');
    t.same(node.texts(), ['good']);
  },
);

const LONG = 'x'.repeat(HEADERS_LIMIT);
/** With the name `x`, the type and the length of its text, a header is 7 bytes longer than its text. */
const HEADERS: readonly (readonly [what: string, headers: object, isRead: boolean])[] = [
  ['as long as is read', { x: LONG.slice(7) }, true],
  ['a byte longer', { x: LONG.slice(6) }, false],
  ['many of them', Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`header-${n}`, 1])), false],
];

void t.test(
  'a command with more headers than are read is refused, kept in parlor.dead, and harms nobody',
  async (t) => {
    const { node, service } = await begin(t);
    for (const [what, headers, isRead] of HEADERS) {
      const command = post('42', what);
      await service.send(somewhere, command, { headers, contentType: 'application/json', messageId: what });
      t.same(await service.call(somewhere, post('42', 'the next one')), done);
      t.equal(node.texts().includes(what), isRead, what);
      if (isRead) continue;
      const dead = await service.dead();
      t.match(
        dead,
        { reason: 'undecodable', detail: /headers of more than 8192 bytes/, key: somewhere },
        what,
      );
      t.same(JSON.parse(dead.body), command);
    }
  },
);

void t.test(
  'headers that amqplib cannot read, since they are in each other too deep, end no connection',
  async (t) => {
    const { node, service, url } = await begin(t);
    for (const levels of [100, 1_000, 18_000]) {
      const command = post('42', `${levels} levels`);
      await publishRaw(url, somewhere, tableOfTables(levels), Buffer.from(JSON.stringify(command)));
      t.same(await service.call(somewhere, post('42', 'the next one')), done);
      const isRead = levels <= 1_000;
      t.equal(node.texts().includes(command.text), isRead, command.text);
      if (!isRead) t.same(JSON.parse((await service.dead()).body), command);
    }
    t.notMatch(node.witness.lines.join('\n'), /connection lost/);
  },
);

void t.test('garbage without a sender who waits ends in parlor.dead too', async (t) => {
  const { service } = await begin(t);
  await service.send(somewhere, Buffer.from('{'));
  t.match(await service.dead(), { reason: 'undecodable', body: '{' });
});

void t.test(
  'what is published as events and is none is counted, and the events beside it arrive',
  async (t) => {
    const { node, service } = await begin(t);
    await node.broker.subscribe(slotOf('42'));
    const event = posted(post('42', 'a real one'), 1);
    const stray = posted(post('43', 'of another slot'), 1);
    const key = String(slotOf('42'));
    for (const body of [
      '{',
      JSON.stringify([{ type: 'no' }, stray, event]),
      JSON.stringify({ ...event, seq: 2 }),
    ]) {
      service.channel.publish('parlor.events', key, Buffer.from(body), { appId: newId() });
    }
    await until(() => node.heard.length >= 2, { what: 'the real events' });
    t.same(node.heard, [event, { ...event, seq: 2 }]);
    t.same(node.witness.drops, ['undecodable_event', 'undecodable_event']);
  },
);

void t.test('while nobody takes the commands of a partition, no more than 64 MiB of them wait', async (t) => {
  const { node, service } = await begin(t);
  await node.broker.close();
  const MIB = 1024 * 1024;
  let taken = 0;
  const refused = (async () => {
    for (;;) {
      await service.send(somewhere, Buffer.alloc(MIB, ' '));
      taken++;
    }
  })();
  await t.rejects(refused, /nacked/);
  t.ok(taken >= 60 && taken <= 80, `${taken} MiB wait`);
});
