import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { attempt, problemOf, readRoom, seqs } from './support/chat.js';
import { metrics, untilMetric } from './support/metrics.js';

type Values = Readonly<Record<string, unknown>>;

/** One field of the policy, and what a client sees with each of its values. */
interface Flip {
  readonly field: string;
  /** Other fields that the scenario stands on. */
  readonly beside?: Values;
  readonly sees: readonly (readonly [value: unknown, seen: string])[];
  /** Tells what a client sees in the room. */
  readonly scenario: (parlor: Parlor, room: string) => Promise<string>;
}

const FLIPS: readonly Flip[] = [
  {
    // First, while nothing else is awake.
    field: 'idle_ms',
    beside: { grace_ms: 0 },
    sees: [
      [0, 'asleep'],
      [60_000, 'awake'],
    ],
    async scenario(parlor, room) {
      const rooms = async () => (await metrics(parlor))('parlor_rooms');
      const alice = await parlor.join(room, 'user=alice');
      const awake = await rooms();
      await alice.close();
      await untilMetric(parlor, 'parlor_seats', 0);
      // Each look is a turn of the loop that also has the timers: what may sleep does so between them.
      let looks = 0;
      await until(async () => (await rooms()) < awake || ++looks === 5, { what: 'the room to sleep' });
      if (looks === 5) return 'awake';
      const { seq } = (await (await parlor.post(room, { text: 'wake up' })).json()) as { seq: number };
      await untilMetric(parlor, 'parlor_rooms', awake - 1);
      return seq > 0 ? 'asleep' : 'forgotten';
    },
  },
  {
    field: 'capacity',
    sees: [
      [1, 'welcome, room_full 4409, room_full 4409'],
      [2, 'welcome, welcome, room_full 4409'],
      [null, 'welcome, welcome, welcome'],
    ],
    async scenario(parlor, room) {
      const seen: string[] = [];
      for (const user of ['alice', 'bob', 'carol']) {
        seen.push(await attempt(parlor.open(room, `user=${user}`)));
      }
      return seen.join(', ');
    },
  },
  {
    field: 'creation',
    beside: { deletion: 'when_empty', grace_ms: 0 },
    sees: [
      ['on_demand', 'welcome, 201'],
      ['explicit', 'room_closed 4410, 410'],
    ],
    async scenario(parlor, room) {
      await parlor.send('PUT', `/api/rooms/${room}`, {});
      await (await parlor.join(room, 'user=alice')).close();
      await untilStatus(parlor, room, 'closed');
      const joining = await attempt(parlor.open(room, 'user=alice'));
      return `${joining}, ${(await parlor.post(room, { text: 'is anybody there?' })).status}`;
    },
  },
  {
    field: 'deletion',
    beside: { grace_ms: 0 },
    sees: [
      ['manual', 'open when empty, DELETE 204'],
      ['when_empty', 'closed when empty, DELETE 204'],
      ['never', 'open when empty, DELETE 403'],
    ],
    async scenario(parlor, room) {
      await (await parlor.join(room, 'user=alice')).close();
      const empty = async () => (await readRoom(parlor, room)).member_count === 0;
      await until(empty, { what: 'the room to be empty' });
      const { status } = await readRoom(parlor, room);
      return `${status} when empty, DELETE ${(await parlor.send('DELETE', `/api/rooms/${room}`)).status}`;
    },
  },
  {
    field: 'grace_ms',
    sees: [
      [0, 'left, welcome'],
      [60_000, 'nothing, room_full 4409'],
    ],
    async scenario(parlor, room) {
      const alice = await parlor.join(room, 'user=alice');
      const bob = await parlor.join(room, 'user=bob');
      const connections = (await metrics(parlor))('parlor_connections');
      await bob.close();
      await untilMetric(parlor, 'parlor_connections', connections - 1);
      const carol = await attempt(parlor.open(room, 'user=carol'));
      // What alice is told of bob comes before anything that happens later.
      alice.send({ type: 'post', text: 'who is here?' });
      await alice.next('message');
      return `${alice.of('left').length === 1 ? 'left' : 'nothing'}, ${carol}`;
    },
  },
  {
    field: 'deliver_alone',
    sees: [
      [true, '1, 2, 3'],
      [false, '3'],
    ],
    async scenario(parlor, room) {
      const alice = await parlor.join(room, 'user=alice');
      const first = (await readRoom(parlor, room)).head_seq;
      alice.send({ type: 'post', text: 'to nobody' });
      await parlor.post(room, { text: 'to nobody either' });
      await alice.next('ack');
      await parlor.join(room, 'user=bob');
      alice.send({ type: 'post', text: 'to bob' });
      await until(() => seqs(alice).includes(first + 3), { what: 'the message to bob' });
      const stored = (await (await parlor.get(`/api/rooms/${room}/messages`)).json()) as {
        messages: unknown[];
      };
      if (stored.messages.length !== 3) return 'not stored';
      return seqs(alice)
        .map((seq) => seq - first)
        .join(', ');
    },
  },
  {
    field: 'post',
    sees: [
      ['anyone', 'member 201, stranger 201, service 201'],
      ['members', 'member 201, stranger 403, service 403'],
    ],
    async scenario(parlor, room) {
      await parlor.join(room, 'user=alice');
      const [member, stranger, service] = [
        await parlor.post(room, { user: 'alice', text: 'hello' }),
        await parlor.post(room, { user: 'mallory', text: 'hello' }),
        await parlor.post(room, { text: 'hello' }),
      ];
      return `member ${member.status}, stranger ${stranger.status}, service ${service.status}`;
    },
  },
  {
    field: 'retention',
    sees: [
      [null, 'abcdef'],
      [{ max_messages: 2 }, 'ef'],
      [{ max_age_s: 1 }, ''],
    ],
    async scenario(parlor, room) {
      for (const text of 'abcdef') await parlor.post(room, { text });
      const posted = (await readRoom(parlor, room)).head_seq;
      // Rounds go by the ids of the rooms: what is behind this one's has been looked at before.
      const witness = `zz-${room}`;
      await parlor.send('PUT', `/api/rooms/${witness}`, { retention: { max_age_s: 2 } });
      await parlor.post(witness, { text: 'old in two seconds' });
      await until(async () => (await history(parlor, witness)).length === 0, {
        what: 'a round of retention',
      });
      const seen = (await history(parlor, room)).map(({ text }) => text).join('');
      const { seq } = (await (await parlor.post(room, { text: 'seq goes on' })).json()) as { seq: number };
      if (seq !== posted + 1) return `seq ${seq} after ${posted}`;
      return seen;
    },
  },
];

async function history(parlor: Parlor, room: string): Promise<{ text: string }[]> {
  const page = await (await parlor.get(`/api/rooms/${room}/messages`)).json();
  return (page as { messages: { text: string }[] }).messages;
}

/** A value as part of a room's id. */
function slug(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value).replaceAll(/[^a-z0-9]/gi, '_');
}

async function untilStatus(parlor: Parlor, room: string, status: string): Promise<void> {
  await until(async () => (await readRoom(parlor, room)).status === status, {
    what: `${room} to be ${status}`,
  });
}

/** The prefix of the ids of the rooms that have a value by preset. */
function prefixOf(field: string, value: unknown): string {
  return `${field}.${slug(value)}:`;
}

const PRESETS = Object.fromEntries(
  FLIPS.flatMap(({ field, beside, sees }) =>
    sees.map(([value]) => [prefixOf(field, value), { ...beside, [field]: value }]),
  ),
);

t.test('each field of the policy makes a difference that a client sees', async (t) => {
  const parlor = await startParlor({ ROOM_PRESETS: JSON.stringify(PRESETS), RETENTION_MS: '100' });
  t.teardown(() => parlor.end());
  for (const { field, beside, sees, scenario } of FLIPS) {
    for (const [value, seen] of sees) {
      const room = `put-${field}-${slug(value)}`;
      const put = await parlor.send('PUT', `/api/rooms/${room}`, { ...beside, [field]: value });
      t.equal(put.status, 201);
      t.equal(await scenario(parlor, room), seen, `${field} ${slug(value)} by PUT`);
      const preset = `${prefixOf(field, value)}room`;
      t.equal(await scenario(parlor, preset), seen, `${field} ${slug(value)} by ROOM_PRESETS`);
    }
  }
});

t.test('a room that has to be opened first is not there before, and is afterwards', async (t) => {
  const parlor = await startParlor({ ROOM_PRESETS: '{"vip:":{"creation":"explicit"}}' });
  t.teardown(() => parlor.end());
  t.equal(await attempt(parlor.open('vip:1', 'user=alice')), 'room_not_found 4404');
  const post = await parlor.post('vip:1', { text: 'hello' });
  t.equal(post.status, 404);
  t.match(await problemOf(post), { code: 'room_not_found', detail: /PUT \/api\/rooms\/vip:1/ });
  t.equal((await parlor.send('PUT', '/api/rooms/vip:1', {})).status, 201);
  t.equal(await attempt(parlor.open('vip:1', 'user=alice')), 'welcome');
});

t.test('without settings, the prefix of a room’s id says what kind of room it is', async (t) => {
  const parlor = await startParlor({ GRACE_MS: '1234' });
  t.teardown(() => parlor.end());
  const kinds: [room: string, capacity: number | null, post: string][] = [
    ['42', 2, 'anyone'],
    ['direct:a-b', 2, 'members'],
    ['group:team', 256, 'members'],
    ['channel:news', null, 'anyone'],
  ];
  for (const [room, capacity, post] of kinds) {
    const welcome = await parlor.open(room, 'user=alice').next('welcome');
    t.match(welcome, {
      policy: { capacity, post, grace_ms: 1234, creation: 'on_demand', deletion: 'manual' },
    });
  }
});

t.test(
  'fields that a PUT leaves out keep their value, and one that is no policy changes nothing',
  async (t) => {
    const parlor = await startParlor();
    t.teardown(() => parlor.end());
    await parlor.send('PUT', '/api/rooms/42', { capacity: 7, grace_ms: 5 });
    t.equal((await parlor.send('PUT', '/api/rooms/42', { post: 'members' })).status, 200);
    const refused = await parlor.send('PUT', '/api/rooms/42', { capacity: 0, colour: 'red' });
    t.equal(refused.status, 400);
    t.match((await problemOf(refused)).errors?.map(({ path }) => path).sort(), ['/capacity', '/colour']);
    t.match((await readRoom(parlor, '42')).policy, { capacity: 7, grace_ms: 5, post: 'members' });
  },
);
