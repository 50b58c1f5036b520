import { isDeepStrictEqual } from 'node:util';
import type { ConsumeMessage } from 'amqplib';
import fc from 'fast-check';
import t from 'tap';
import { openEnvelope } from '../../../adapters/rabbitmq/home/envelope.js';
import {
  COMMANDS_PER_MESSAGE,
  countCommands,
  readAlive,
  readCommands,
  readEvents,
  readWords,
} from '../../../adapters/rabbitmq/wire.js';
import type { Command } from '../../../engine/messages/commands.js';
import { nameOf, userFault } from '../../../engine/text/names.js';
import { textFault } from '../../../engine/text/texts.js';
import { partitionOf, slotOf } from '../../../engine/slots.js';
import { eventsOf, live, lives } from '../../engine/room/script.js';
import { wild } from '../../support/wild-text.js';

const RUNS = { numRuns: 1_000 };
const PARTITIONS = 16;
const PLAIN = { noNullPrototype: true };

const rooms = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/).filter((id) => id !== '.' && id !== '..');
const ids = fc.uuid();
const users = wild.filter((name) => userFault(name) === null).map(nameOf);
const texts = wild.filter((text) => textFault(text) === null);
const policies = fc.record(
  {
    capacity: fc.option(fc.integer({ min: 1, max: 1_000 })),
    deletion: fc.constantFrom('manual' as const, 'when_empty' as const, 'never' as const),
    post: fc.constantFrom('members' as const, 'anyone' as const),
    grace_ms: fc.nat(86_400_000),
  },
  { requiredKeys: [], ...PLAIN },
);

/** Commands of every kind that may be in a body, as our own nodes write them. */
const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record(
    {
      ...{ type: fc.constant('post' as const), room_id: rooms, id: ids, user: fc.option(users), text: texts },
      ...{ fresh: fc.boolean(), again: fc.boolean(), request_id: fc.stringMatching(/^[!-~]{1,128}$/) },
    },
    { requiredKeys: ['type', 'room_id', 'id', 'user', 'text'], ...PLAIN },
  ),
  fc.record({ type: fc.constant('open' as const), room_id: rooms, policy: policies }, PLAIN),
  fc.record({ type: fc.constant('close' as const), room_id: rooms, id: ids, purge: fc.boolean() }, PLAIN),
  fc.record({ type: fc.constant('kick' as const), room_id: rooms, user: users }, PLAIN),
  fc.record({ type: fc.constant('describe' as const), room_id: rooms }, PLAIN),
  fc.record(
    { type: fc.constant('join' as const), room_id: rooms, user: users, connection_id: ids, node_id: ids },
    PLAIN,
  ),
);

/** Values of JSON that no schema expects, some of them nested more deeply than JSON.stringify can write. */
const rubbish = fc.oneof(
  fc.json(),
  fc.integer({ min: 1, max: 50_000 }).map((deep) => `${'['.repeat(deep)}${']'.repeat(deep)}`),
  fc
    .integer({ min: 1, max: 50_000 })
    .map((deep) => `{"type":"post","room_id":"42","text":${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}}`),
);
const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  rubbish.map((text) => Buffer.from(text)),
  fc
    .array(
      fc.oneof(
        rubbish,
        commands.map((one) => JSON.stringify(one)),
      ),
      { maxLength: 5 },
    )
    .map((all) => Buffer.from(`[${all.join(',')}]`)),
  fc.nat(200).map((count) => Buffer.from(JSON.stringify(Array(count).fill(1)))),
);

/** What belongs to a connection, without one: here the messages do not leave the process. */
const IDLE = { open: () => Promise.resolve(), lost: () => undefined, close: () => Promise.resolve() };

const homeOf = (room: string): number => partitionOf(slotOf(room), PARTITIONS);

/** The home of the first room reads these as written there. */
function readBack(body: unknown, room: string): unknown {
  return readCommands(Buffer.from(JSON.stringify(body)), homeOf(room), PARTITIONS);
}

t.test('a command is read as it was written, alone and among others', async (t) => {
  const alone = fc.property(commands, (command) =>
    isDeepStrictEqual(readBack(command, command.room_id), { single: true, items: [{ command }] }),
  );
  t.doesNotThrow(() => fc.assert(alone, RUNS));
  const among = fc.property(rooms, fc.array(commands, { minLength: 1, maxLength: 9 }), (room_id, all) => {
    const moved = all.map((one) => ({ ...one, room_id }));
    const items = moved.map((command) => ({ command }));
    return isDeepStrictEqual(readBack(moved, room_id), { single: false, items });
  });
  t.doesNotThrow(() => fc.assert(among, RUNS));
});

t.test('the events of a room’s life are read as they were written', async (t) => {
  const property = fc.property(lives, (life) => {
    for (const event of eventsOf(live(life))) {
      const read = readEvents(Buffer.from(JSON.stringify([event])), String(slotOf(event.room_id)));
      if (!isDeepStrictEqual(read, { events: [event], faults: [] })) throw new Error(JSON.stringify(read));
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
});

t.test('whatever bytes come, a reader says what is wrong with them, and never throws', async (t) => {
  const property = fc.property(bodies, fc.nat(PARTITIONS - 1), (body, partition) => {
    const read = readCommands(body, partition, PARTITIONS);
    if ('fault' in read) return read.fault.length > 0;
    readEvents(body, '42');
    readWords(body);
    readAlive(body);
    const count = countCommands(body);
    return count === null || (count >= 1 && count <= COMMANDS_PER_MESSAGE);
  });
  t.doesNotThrow(() => fc.assert(property, RUNS));
});

t.test(
  'each command of a message is carried out or answered, and what is not is kept as a dead letter',
  async (t) => {
    const headers = fc.constantFrom(
      {},
      { 'x-parlor-version': 1 },
      { 'x-parlor-version': 2 },
      { 'x-parlor-version': [{}] },
    );
    const property = fc.property(bodies, headers, (content, given) => {
      const answered: number[] = [];
      let dead = 0;
      const { items, asker } = openEnvelope(
        {
          content,
          fields: { routingKey: '0', redelivered: false },
          properties: { headers: given, replyTo: 'asker' },
        } as unknown as ConsumeMessage,
        {
          ...{ partition: 0, partitions: PARTITIONS },
          answers: {
            ...IDLE,
            flush: () => undefined,
            send: (_asker, position) => void answered.push(position),
          },
          dead: {
            ...IDLE,
            add: () => {
              dead++;
              return Promise.resolve();
            },
          },
        },
      );
      const all = [...answered, ...items.map(({ position }) => position)].sort((a, b) => a - b);
      if (all.length === 0 || all.some((position, at) => position !== at))
        throw new Error(`answers to ${all.join()}`);
      if (asker?.single === true && all.length !== 1) throw new Error(`${all.length} answers to one object`);
      if (answered.length > 0 !== dead > 0)
        throw new Error(`${answered.length} refused, ${dead} dead letters`);
    });
    t.doesNotThrow(() => fc.assert(property, RUNS));
  },
);
