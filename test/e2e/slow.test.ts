import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { turns } from '../support/clock.js';
import { startParlor, type Client, type Frame, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';

const TYPING_MAIN = fileURLToPath(new URL('support/typing-main.js', import.meta.url));
const TEXT = 'x'.repeat(2000);
const BUFFER_BYTES = 65_536;
/** Far more than what the kernel and Parlor hold back for one connection: 12 MB. */
const POSTS = 6000;

/** A member who has joined and then reads nothing. */
async function joinAndStopReading(port: number, room: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `GET /ws/updates/${room}?user=slow HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  let seen = '';
  await new Promise<void>((welcomed) => {
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
      if (seen.includes('"type":"welcome"')) welcomed();
    });
  });
  socket.pause();
  socket.removeAllListeners('data');
  return socket;
}

async function refusedAsSlow(parlor: Parlor): Promise<boolean> {
  const metrics = await (await parlor.get('/metrics')).text();
  return metrics.includes('parlor_refusals_total{code="slow_consumer"} 1');
}

void t.test('a member who does not read costs the others nothing', async (t) => {
  const parlor = await startParlor({ MAX_BUFFERED_BYTES: String(BUFFER_BYTES) });
  t.teardown(() => parlor.end('SIGKILL'));
  const slow = await joinAndStopReading(parlor.port, 'channel:slow');
  const quick = await parlor.join('channel:slow', 'user=quick');

  for (let sent = 0; sent < POSTS; sent += 100) {
    for (let i = 0; i < 100; i++) quick.send({ type: 'post', text: TEXT });
    await quick.count('ack', sent + 100);
  }
  const messages = await quick.count('message', POSTS);
  t.strictSame(
    messages.map(({ seq }) => seq),
    Array.from({ length: POSTS }, (_, i) => i + 1),
    'the other member gets every message, in order',
  );

  let last = Buffer.alloc(0);
  slow.on('data', (bytes: Buffer) => (last = Buffer.concat([last, bytes]).subarray(-400)));
  const closed = new Promise((resolve) => slow.once('close', resolve));
  slow.resume();
  await closed;
  t.match(last.toString('latin1'), /"code":"slow_consumer"/, 'the slow one is told why when it reads again');
  t.ok(last.includes(Buffer.from([0x11, 0x9c])), 'and is closed with 4508');
  await until(() => refusedAsSlow(parlor), { what: 'the refusal in the metrics' });

  const back = await parlor.join('channel:slow', `user=slow&since=${POSTS - 3}`);
  const missed = await back.count('message', 3);
  t.strictSame(
    missed.map(({ seq }) => seq),
    [POSTS - 2, POSTS - 1, POSTS],
    'it comes back with since and has missed nothing',
  );
});

async function spared(parlor: Parlor): Promise<number> {
  const metrics = await (await parlor.get('/metrics')).text();
  return Number(/parlor_dropped_total\{reason="slow_consumer_ephemeral"\} (\d+)/.exec(metrics)?.[1] ?? 0);
}

function seqsOf(frames: readonly Frame[]): unknown[] {
  return frames.map(({ seq }) => seq);
}

function upTo(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + 1 + i);
}

for (const others of [1, 10]) {
  void t.test(`of ${others + 1}, who does not read loses typing frames, and no message`, async (t) => {
    const parlor = await startParlor({ MAX_BUFFERED_BYTES: String(BUFFER_BYTES * 4) }, TYPING_MAIN);
    t.teardown(() => parlor.end('SIGKILL'));
    // A long name, so that its typing frames soon come to something.
    const name = encodeURIComponent('€'.repeat(60));
    const slow = await parlor.join('channel:typing', 'user=slow');
    const quick = await parlor.join('channel:typing', `user=${name}`);
    for (let i = 1; i < others; i++) await parlor.join('channel:typing', `user=${i}`);
    slow.socket.pause();
    let typed = 0;
    let posted = 0;
    const say = async (typing: number, posts: number): Promise<void> => {
      for (let i = 0; i < posts; i++) quick.send({ type: 'post', text: TEXT });
      for (let i = 0; i < typing; i++) quick.send({ type: 'typing' });
      await Promise.all([
        quick.count('typing', (typed += typing)),
        quick.count('message', (posted += posts)),
      ]);
    };

    // What the system holds back is full first, with messages, and then half of the buffer. A step is far less than the
    // other half: what it adds is seen when it has been written.
    await until(
      async () => {
        await say(100, 10);
        return (await spared(parlor)) > 0;
      },
      { what: 'typing frames to be spared', timeoutMs: 60_000, intervalMs: 0 },
    );
    for (let i = 0; i < 30; i++) await say(50, 0);
    await say(0, 5);
    t.equal(slow.socket.readyState, slow.socket.OPEN, 'it is still connected');
    t.ok((await spared(parlor)) >= 1_500, 'though much more was typed than its buffer holds');

    slow.socket.resume();
    const messages = await slow.count('message', posted);
    t.strictSame(seqsOf(messages), upTo(0, posted), 'once it reads it gets every message');
    t.equal(slow.of('typing').length + (await spared(parlor)), typed, 'what it was spared is counted');
    await say(1, 0);
    await until(() => slow.frames.at(-1)?.type === 'typing', { what: 'a typing frame, as it reads again' });
    const told = parlor.logs.filter(({ msg }) => msg.includes('reads too slowly'));
    t.equal(told.length, 1, 'one line in the log');
    t.equal(told[0]?.['connection_id'], slow.of('welcome')[0]?.['connection_id']);
  });
}

/** Reads a little in every few turns. */
async function readSlowly(client: Client, count: number): Promise<Frame[]> {
  let over = false;
  void client.closed.then(() => (over = true));
  while (client.of('message').length < count && !over) {
    client.socket.pause();
    await turns(5);
    client.socket.resume();
    await turns(1);
  }
  return client.count('message', count);
}

void t.test('who missed 1,000 long messages and reads slowly gets them all, and stays', async (t) => {
  const parlor = await startParlor({ MAX_BUFFERED_BYTES: String(BUFFER_BYTES) });
  t.teardown(() => parlor.end('SIGKILL'));
  const quick = await parlor.join('channel:back', 'user=quick');
  for (let sent = 0; sent < 1_000; sent += 100) {
    // 6 MB in all, more than the system holds back for one connection.
    for (let i = 0; i < 100; i++) quick.send({ type: 'post', text: '€'.repeat(2_000) });
    await quick.count('ack', sent + 100);
  }
  const slow = parlor.open('channel:back', 'user=slow&since=0');
  slow.socket.once('open', () => slow.socket.pause());
  await until(() => slow.socket.readyState === slow.socket.OPEN, { what: 'the connection' });
  // Nothing was read yet, and others go on.
  for (let i = 0; i < 20; i++) quick.send({ type: 'post', text: TEXT });
  await quick.count('ack', 1_020);
  const messages = await readSlowly(slow, 1_020);
  t.strictSame(seqsOf(messages), upTo(0, 1_020));
  t.equal((await slow.next('welcome'))['recovered'], true);
  slow.send({ type: 'post', text: 'I am here' });
  await slow.count('message', 1_021);
});
