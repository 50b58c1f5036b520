import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { oneTo, problemOf } from './support/chat.js';
import { exchange } from './support/raw.js';

interface Posted {
  readonly id: string;
  readonly seq: number;
  readonly created_at: string;
}
interface Page {
  readonly messages: readonly { readonly seq: number; readonly text: string }[];
  readonly next: number | null;
}

async function read<T>(parlor: Parlor, path: string): Promise<T> {
  const answer = await parlor.get(path);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

t.test('a post is answered with the message and where it can be read', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const answer = await parlor.post('42', { user: 'alice', text: ' Hello ' });
  t.equal(answer.status, 201);
  t.match(answer.headers.get('content-type'), /^application\/json/);
  const message = (await answer.json()) as Posted;
  t.match(message, { room_id: '42', seq: 1, user: 'alice', text: 'Hello', created_at: /^\d{4}-.*Z$/ });
  t.match(message.id, /^[\da-f]{8}-[\da-f]{4}-7/, 'a UUID of version 7');
  t.ok(Math.abs(Date.parse(message.created_at) - Date.now()) < 60_000);
  const location = answer.headers.get('location') ?? '';
  t.equal(location, `/api/messages/${message.id}`);
  t.same(await read(parlor, location), message);
  t.match(await read(parlor, `/api/events/${message.id}`), {
    type: 'message_posted',
    event_id: message.id,
    seq: 1,
  });
});

t.test('Idempotency-Key makes a repeated post one message', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const key = randomUUID();
  const answers = await Promise.all(
    oneTo(10).map(() => parlor.post('42', { text: 'once' }, { 'idempotency-key': key })),
  );
  t.same(
    answers.map(({ status }) => status),
    oneTo(10).map(() => 201),
  );
  const told = (await Promise.all(answers.map((answer) => answer.json()))) as Posted[];
  for (const message of told) t.same(message, told[0]);
  t.equal(told[0]?.id, key);
  t.equal((await read<Page>(parlor, '/api/rooms/42/messages')).messages.length, 1);
  const other = await parlor.post('42', { text: 'not the same' }, { 'idempotency-key': key });
  t.equal(other.status, 409);
  t.match(await problemOf(other), { code: 'id_conflict' });
});

t.test('paging through a room skips and repeats nothing, while others post', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const post = async (count: number) => {
    for (let i = 0; i < count; i++) await parlor.post('42', { text: `message ${i}` });
  };
  await post(100);
  const newest = await read<Page>(parlor, '/api/rooms/42/messages?limit=7');
  t.same(
    newest.messages.map(({ seq }) => seq),
    oneTo(100).slice(-7),
    'the newest page first, ascending',
  );
  const posting = post(60);
  const back: number[] = [];
  for (let next: number | null = 101; next !== null;) {
    const page: Page = await read(parlor, `/api/rooms/42/messages?limit=7&before=${next}`);
    back.unshift(...page.messages.map(({ seq }) => seq));
    next = page.next;
  }
  t.same(back, oneTo(100), 'backwards from where it began');
  const forth: number[] = [];
  for (let next: number | null = 0; next !== null;) {
    const page: Page = await read(parlor, `/api/rooms/42/messages?limit=7&after=${next}`);
    forth.push(...page.messages.map(({ seq }) => seq));
    next = page.next;
  }
  t.same(forth, oneTo(forth.length), 'forwards, as far as it went');
  t.ok(forth.length >= 100);
  await posting;
  const rest = await read<Page>(parlor, '/api/rooms/42/messages?after=150&before=156&limit=200');
  t.same(
    rest.messages.map(({ seq }) => seq),
    [151, 152, 153, 154, 155],
    'and both ends can be given',
  );
});

t.test('paging through rooms and events skips and repeats nothing, while others open rooms', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const names = oneTo(40).map((n) => `room-${String(n).padStart(2, '0')}`);
  for (const name of names) await parlor.post(name, { text: name });
  const opening = Promise.all(names.map((name) => parlor.send('PUT', `/api/rooms/${name}.later`, {})));
  const rooms: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const path: string = `/api/rooms?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page: { rooms: { room_id: string }[]; next: string | null } = await read(parlor, path);
    rooms.push(...page.rooms.map(({ room_id }) => room_id));
    cursor = page.next;
  }
  t.same(rooms, [...new Set(rooms)].sort(), 'by id, each once');
  t.same(
    rooms.filter((name) => names.includes(name)),
    names,
    'all that were there',
  );
  await opening;
  for (const [room, expected] of [
    ['', 80],
    ['room-07', 1],
  ] as const) {
    const seen: string[] = [];
    for (let after: string | null = ''; after !== null;) {
      const path: string = `/api/events?limit=9${room && `&room_id=${room}`}${after && `&after=${after}`}`;
      const page: { events: { event_id: string }[]; next: string | null } = await read(parlor, path);
      seen.push(...page.events.map(({ event_id }) => event_id));
      after = page.next;
    }
    t.equal(seen.length, expected, `events of ${room || 'all rooms'}`);
    t.equal(new Set(seen).size, expected);
  }
});

t.test('who follows the log goes on with its cursor, also when what it stood on is forgotten', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  interface Page {
    readonly events: { event_id: string; text?: string }[];
    readonly next: string | null;
    readonly cursor: string;
  }
  const texts = ({ events }: Page) => events.flatMap(({ text }) => text ?? []);
  for (const text of ['one', 'two']) await parlor.post('42', { text });
  const first: Page = await read(parlor, '/api/events');
  t.same(texts(first), ['one', 'two']);
  t.equal(first.next, null);
  const idle: Page = await read(parlor, `/api/events?after=${first.cursor}`);
  t.same(idle, { events: [], next: null, cursor: first.cursor });
  await parlor.send('DELETE', '/api/rooms/42?purge=true');
  await parlor.post('43', { text: 'three' });
  t.same(texts(await read(parlor, `/api/events?after=${first.cursor}`)), ['three']);
  const forgotten = await parlor.get(`/api/events?after=${first.events[1]?.event_id ?? ''}`);
  t.equal(forgotten.status, 404);
  t.match(await problemOf(forgotten), { code: 'not_found', detail: /no longer known.*cursor/ });
  const room: Page = await read(parlor, '/api/events?room_id=43');
  await parlor.post('43', { text: 'four' });
  t.same(texts(await read(parlor, `/api/events?room_id=43&after=${room.cursor}`)), ['four']);
});

t.test('HEAD is GET without the body, and every answer has a request id', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  await parlor.post('42', { text: 'Hello' });
  for (const path of [
    '/api/rooms',
    '/api/rooms/42',
    '/api/rooms/42/messages',
    '/api/events',
    '/health',
    '/api/rooms/none',
  ]) {
    const [get, headed] = [await parlor.get(path), await parlor.send('HEAD', path)];
    t.equal(headed.status, get.status, `HEAD ${path}`);
    t.equal(headed.headers.get('content-type'), get.headers.get('content-type'));
    t.equal(headed.headers.get('content-length'), get.headers.get('content-length'));
    t.equal(await headed.text(), '');
    t.match(get.headers.get('x-request-id'), /^[\da-f-]{36}$/);
    t.not(headed.headers.get('x-request-id'), get.headers.get('x-request-id'));
  }
  const request = 'DELETE /api/rooms/42 HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\n\r\n';
  t.match(await exchange(parlor.port, request), {
    status: 204,
    body: '',
    headers: { 'x-request-id': 'mine' },
  });
});

t.test(
  'a message that was sent without an id has the id of its request, unless the client chose that',
  async (t) => {
    const parlor = await startParlor();
    t.teardown(() => parlor.end());
    const idOf = async (answer: Response): Promise<string> => ((await answer.json()) as { id: string }).id;
    // The second goes through Fastify, as posts of pages do.
    for (const headers of [{}, { origin: parlor.http }]) {
      const own = await parlor.post('42', { text: 'one' }, headers);
      t.equal(own.status, 201);
      t.equal(own.headers.get('x-request-id'), await idOf(own));
      const again = { ...headers, 'x-request-id': '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a' };
      const [first, second] = [
        await idOf(await parlor.post('42', { text: 'two' }, again)),
        await idOf(await parlor.post('42', { text: 'two' }, again)),
      ];
      t.not(first, second, 'two messages, though their requests have one id');
      t.not(first, again['x-request-id']);
    }
  },
);

t.test('a problem says what is wrong in a form that programs understand', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const answer = await parlor.post('42', { user: '', text: '', colour: 'red' }, { 'x-request-id': 'p-1' });
  t.equal(answer.status, 400);
  t.match(answer.headers.get('content-type'), /^application\/problem\+json/);
  t.equal(answer.headers.get('x-request-id'), 'p-1');
  const { errors = [], ...problem } = await problemOf(answer);
  t.match(problem, {
    type: 'urn:parlor:error:bad_request',
    status: 400,
    code: 'bad_request',
    title: /\w/,
    detail: /text: must hold/,
  });
  t.same(errors.map(({ path }) => path).sort(), ['/colour', '/text', '/user']);
  for (const { message } of errors) t.match(message, /\w{2} \w/, message);
});
