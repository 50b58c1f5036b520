import { randomUUID } from 'node:crypto';
import t from 'tap';
import { runParlor, startParlor, type Client, type Env, type Frame, type Parlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';
import { oneTo, problemOf, readHistory, seqs, texts } from './support/chat.js';
import { metrics } from './support/metrics.js';
import { exchange, upgradeRequest } from './support/raw.js';

const ROOMS = 8;

/** Two clients in each of some rooms, all at one node. One of each room posts, one post after the other. */
class Talk {
  readonly clients: Client[] = [];
  /** The ids of posts as they were answered, by room. */
  readonly answered = new Map<string, Frame[]>();
  private over = false;
  private talking: Promise<unknown> = Promise.resolve();

  static async begin(edge: Parlor): Promise<Talk> {
    const talk = new Talk();
    const rooms = oneTo(ROOMS).map((n) => `direct:${n}`);
    const pairs = await Promise.all(
      rooms.map((room) => Promise.all([edge.join(room, 'user=alice'), edge.join(room, 'user=bob')])),
    );
    talk.clients.push(...pairs.flat());
    talk.talking = Promise.all(rooms.map((room, i) => talk.post(room, pairs[i]?.[0])));
    return talk;
  }

  /** Resolves when each room has had an answer to a post that was sent from now on. */
  async flows(): Promise<void> {
    const counts = new Map([...this.answered].map(([room, answers]) => [room, answers.length]));
    await until(
      () => [...this.answered].every(([room, answers]) => answers.length > (counts.get(room) ?? 0) + 1),
      { timeoutMs: 60_000, what: 'posts to be answered in each room' },
    );
  }

  async end(): Promise<void> {
    this.over = true;
    await this.talking;
  }

  private async post(room: string, client: Client | undefined): Promise<void> {
    if (!client) return;
    const answers: Frame[] = [];
    this.answered.set(room, answers);
    while (!this.over) {
      const id = randomUUID();
      client.send({ type: 'post', id, text: `post ${answers.length + 1}` });
      const answer = await until(
        () => client.frames.find((frame) => frame['id'] === id && frame.type !== 'message'),
        { timeoutMs: 60_000, intervalMs: 5, what: `an answer in ${room}` },
      );
      if (answer) answers.push(answer);
    }
  }
}

t.test('an edge and two homes', async (t) => {
  const [AMQP_URL, DATABASE_URL] = [await ownVhost(), await ownDatabase()];
  const env: Env = { BROKER: 'rabbitmq', AMQP_URL, STORE: 'postgres', DATABASE_URL };
  const startHome = async (): Promise<Parlor> => {
    const home = await startParlor({ ...env, ROLE: 'home' });
    t.teardown(() => home.end('SIGKILL'));
    return home;
  };
  const edge = await startParlor({ ...env, ROLE: 'edge' });
  t.teardown(() => edge.end('SIGKILL'));
  const homes = await Promise.all([startHome(), startHome()]);
  const gauge = async (node: Parlor, name: string): Promise<number> => (await metrics(node))(name);

  t.test('a home answers HTTP, but takes no WebSockets', async (t) => {
    const [home] = homes;
    t.equal((await home.post('42', { text: 'Hello' })).status, 201);
    t.equal((await home.get('/health/ready')).status, 200);
    const plain = await home.get('/ws/updates/42?user=alice');
    t.match(await problemOf(plain), { status: 503, code: 'unavailable', detail: /ROLE=home/ });
    const upgrade = await exchange(home.port, upgradeRequest('/ws/updates/42?user=alice'));
    t.match(upgrade, { status: 503, headers: { 'retry-after': /\d/ } });
    t.match(await home.open('42', 'user=alice').closed, { code: 1006 });
    const stream = await home.get('/api/rooms/42/stream?user=alice');
    t.match(await problemOf(stream), { status: 503, code: 'unavailable', detail: /ROLE=home/ });
  });

  t.test('rooms are at the homes only', async (t) => {
    const talk = await Talk.begin(edge);
    await talk.flows();
    t.equal(await gauge(edge, 'parlor_rooms'), 0);
    t.equal(await gauge(edge, 'parlor_connections'), 2 * ROOMS);
    const rooms = await Promise.all(homes.map((home) => gauge(home, 'parlor_rooms')));
    t.ok(rooms.reduce((sum, count) => sum + count) >= ROOMS, `rooms of each home: ${rooms.join(', ')}`);
    await talk.end();
    await Promise.all(talk.clients.map((client) => client.close()));
  });

  t.test(
    'the homes are replaced one after another under load, and no socket of the edge closes',
    async (t) => {
      const talk = await Talk.begin(edge);
      const closes: number[] = [];
      for (const client of talk.clients) void client.closed.then(({ code }) => closes.push(code));
      await talk.flows();
      for (const home of homes) {
        t.equal(await home.end('SIGTERM'), 0);
        await talk.flows();
        await startHome();
        await talk.flows();
      }
      t.same(closes, []);
      t.equal(await gauge(edge, 'parlor_connections'), 2 * ROOMS);
      await talk.end();
      for (const [room, answers] of talk.answered) {
        const refused = answers.filter(({ type }) => type === 'error');
        t.same(refused, [], `${answers.length} posts into ${room}`);
        const history = await readHistory(edge, room);
        t.same(
          history.slice(-answers.length).map(({ text }) => text),
          answers.map((_, i) => `post ${i + 1}`),
          'each is stored once, in its order',
        );
      }
      for (const client of talk.clients) {
        const last = seqs(client).at(-1) ?? 0;
        t.same(
          seqs(client),
          oneTo(seqs(client).length).map((n) => last - seqs(client).length + n),
        );
        t.same(
          texts(client),
          oneTo(texts(client).length).map((n) => `post ${n}`),
        );
        t.same(client.of('left'), [], 'nobody seems to have gone');
      }
    },
  );
});

t.test('a role without other nodes is refused in one line', async (t) => {
  const { code, stderr } = await runParlor({ PORT: '0', ROLE: 'edge' });
  t.equal(code, 2);
  t.match(stderr, /^parlor: ROLE=edge .*set BROKER=rabbitmq \(now in-process\).*ROLE=all\n$/);
});
