import { Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import { createMemoryStore } from '../../adapters/memory/store.js';
import { exportRooms, type ExportOptions } from '../../api/transfer/export.js';
import { importRooms, type ImportTally } from '../../api/transfer/import.js';
import { userFault } from '../../engine/text/names.js';
import { textFault } from '../../engine/text/texts.js';
import type { DurableEvent } from '../../engine/messages/events.js';
import type { Policy } from '../../engine/messages/policy.js';
import type { RoomRecord, Store } from '../../engine/ports.js';
import { append, messages } from '../conformance/store-fixture.js';

/** A signal that nobody aborts. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

export async function newStore(): Promise<Store> {
  const store = createMemoryStore({ eventsPerRoom: 1_000_000, eventsInAll: 1_000_000, rooms: 100_000 });
  await store.start();
  return store;
}

/** A store with rooms of so many messages: `{ a: 3, b: 2 }`. */
export async function storeWith(rooms: Readonly<Record<string, number>>): Promise<Store> {
  const store = await newStore();
  for (const [room, count] of Object.entries(rooms))
    await store.append([append(room, ...messages(room, 1, count))]);
  return store;
}

/** A stream that keeps what it was given; `beforeEach` is awaited before a piece counts as written. */
export function collector(beforeEach: (text: string) => Promise<void> | void = () => undefined) {
  let text = '';
  const stream = new Writable({
    decodeStrings: false,
    write(piece: string, _encoding, done) {
      void Promise.resolve(beforeEach(piece)).then(() => {
        text += piece;
        done();
      }, done);
    },
  });
  return { stream, text: () => text };
}

export async function exported(
  store: ExportOptions['store'] & Partial<Pick<Store, 'revocations'>>,
  rooms: readonly string[] | 'all' = 'all',
): Promise<string> {
  const out = collector();
  const revocations = (rooms === 'all' && (await store.revocations?.())) || [];
  await exportRooms({ store, rooms, revocations, out: out.stream, report: () => undefined, signal: never() });
  return out.text();
}

/** Imports a text in small pieces, which end anywhere. */
export function imported(store: Store, text: string | Buffer, signal = never()): Promise<ImportTally> {
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
    bytes.subarray(i * 1000, (i + 1) * 1000),
  );
  return importRooms({ store, input: Readable.from(pieces), report: () => undefined, signal });
}

/** Why an import failed; a test that expects it to fail fails with the answer if it did not. */
export async function refusal(store: Store, text: string | Buffer): Promise<string> {
  try {
    return `it was imported: ${JSON.stringify(await imported(store, text))}`;
  } catch (cause) {
    return (cause as Error).message;
  }
}

/** All that can be read of the rooms of a store. */
export async function everything(store: Store) {
  const records = await store.rooms(null, 100_000);
  const rooms = [];
  for (const record of records) {
    const events = await store.history({
      room_id: record.room_id,
      after: 0,
      limit: 1_000_000,
      messages_only: false,
    });
    const found = await store.findEvents(events.map(({ event_id }) => event_id));
    rooms.push({ record, events, found: found.map(({ seq }) => seq) });
  }
  return rooms;
}

function uuid(n: number): string {
  return `00000000-0000-7000-8000-${n.toString().padStart(12, '0')}`;
}

const PLAIN = { noNullPrototype: true };
const time = fc
  .date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());
const user = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((name) => !userFault(name));
const text = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
    fc.constantFrom('\u2028\u2029 ', '😀'.repeat(2048), '{"type":"end"}\n', '\\" \r\n \t \u0001'),
  )
  .filter((one) => !textFault(one));
const policy: fc.Arbitrary<Policy> = fc.record(
  {
    retention: fc.constantFrom(null, { max_age_s: 60 }, { max_age_s: 1, max_messages: 5 }),
    post: fc.constantFrom('members', 'anyone'),
    capacity: fc.constantFrom(1, 2, 1_000_000, null),
    creation: fc.constantFrom('on_demand', 'explicit'),
    deletion: fc.constantFrom('manual', 'when_empty', 'never'),
    grace_ms: fc.nat(86_400_000),
    idle_ms: fc.nat(86_400_000),
    deliver_alone: fc.boolean(),
  },
  PLAIN,
);

/** What events of each type have of their own. */
const body = fc.oneof(
  fc.record(
    {
      text,
      type: fc.constant('message_posted' as const),
      user: fc.option(user),
      quiet: fc.boolean(),
    },
    { requiredKeys: ['type', 'user', 'text'], ...PLAIN },
  ),
  fc.record({ policy, type: fc.constantFrom('room_opened' as const, 'policy_changed' as const) }, PLAIN),
  fc.record({ user, type: fc.constant('member_kicked' as const) }),
  fc.record({
    purged: fc.boolean(),
    type: fc.constant('room_closed' as const),
    reason: fc.constantFrom('deleted' as const, 'empty' as const),
  }),
);
const trace = fc.record({ request_id: fc.constantFrom('r-1', '!~') }, { requiredKeys: [], ...PLAIN });

const room = fc.record({
  room_id: fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/).filter((id) => id !== '.' && id !== '..'),
  status: fc.constantFrom('open' as const, 'closed' as const, 'empty' as const),
  policy: fc.option(policy),
  created_at: time,
  events: fc.array(fc.tuple(body, trace, time), { maxLength: 12 }),
  /** How many of the oldest are forgotten. */
  forgotten: fc.nat(14),
});

/** Any rooms, in any state, with any durable events, some of their beginnings forgotten. */
export const anyRooms = fc.uniqueArray(room, { maxLength: 6, selector: ({ room_id }) => room_id });

export async function storeOf(
  rooms: typeof anyRooms extends fc.Arbitrary<infer R> ? R : never,
): Promise<Store> {
  const store = await newStore();
  let ids = 0;
  for (const { events, forgotten, ...about } of rooms) {
    const record: RoomRecord = { ...about, head_seq: events.length };
    const durable = events.map(([body, trace, at], i): DurableEvent => ({
      ...body,
      ...trace,
      at,
      seq: i + 1,
      room_id: about.room_id,
      event_id: uuid(++ids),
    }));
    await store.append([
      { room: record, events: durable },
      { room: record, events: [], purge_before: forgotten + 1 },
    ]);
  }
  return store;
}
