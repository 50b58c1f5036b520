import { connect, type Socket } from 'node:net';
import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';

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
