import t, { type Test } from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';
import { untilMetric } from './support/metrics.js';
import {
  answerOn,
  connectRaw,
  frameBytes,
  openRaw,
  upgradeRequest,
  type RawWebSocket,
  type ReceivedFrame,
} from './support/raw.js';
import { FRAME_CASES, type Ending, type FrameCase } from './support/rfc6455-frames.js';
import { HANDSHAKES, type HandshakeCase } from './support/rfc6455-handshakes.js';
import { warnings } from './support/warnings.js';

/*
 * The protocol of WebSockets as a server has to speak it, byte by byte. Where uWebSockets.js differs from RFC 6455, a
 * comment at the case says so, and the case states what happens.
 */

/** Cases that are played at the same time. */
const AT_ONCE = 8;
/** The post that is sent last to see whether a connection lives. */
const LAST = 'still here';

interface Seen {
  readonly ends: Ending;
  readonly told: readonly string[];
  readonly pongs: readonly string[];
}

/** What a frame of ours says, where a case speaks of it. */
function gist(payload: Buffer): string[] {
  const frame = JSON.parse(payload.toString()) as { type: string; text?: string; code?: string };
  if (frame.type === 'message') return [frame.text ?? ''];
  return frame.type === 'error' ? [frame.code ?? ''] : [];
}

function endingOf(frames: readonly ReceivedFrame[]): Ending {
  const close = frames.find(({ opcode }) => opcode === 8);
  if (!close) return 'dropped';
  return close.payload.length === 0 ? 'closed without a code' : close.payload.readUInt16BE(0);
}

/** Each frame of a server is whole, has no reserved bit and no mask, and none comes behind its close frame. */
function faultOfServer(socket: RawWebSocket): string | null {
  const { frames, rest } = socket.everything();
  if (rest > 0) return `${rest} bytes of half a frame`;
  const odd = frames.find(({ head }) => (head & 0xf080) !== 0x8000);
  if (odd) return `a frame whose head is ${odd.head.toString(16)}`;
  const closes = frames.findIndex(({ opcode }) => opcode === 8);
  return closes >= 0 && closes < frames.length - 1 ? 'a frame behind the close frame' : null;
}

async function play(parlor: Parlor, { pieces, ends }: FrameCase, room: string): Promise<Seen> {
  const socket = await openRaw(parlor.port, `/ws/updates/${room}?user=client`);
  try {
    socket.socket.setNoDelay(true);
    await socket.told('welcome');
    for (const piece of pieces) {
      await new Promise((resolve) => socket.socket.write(piece, resolve));
    }
    const said = (): string[] =>
      socket.frames().flatMap(({ opcode, payload }) => (opcode === 1 ? gist(payload) : []));
    let over = false;
    void socket.closed.then(() => (over = true));
    if (ends === 'lives') socket.write(frameBytes(JSON.stringify({ type: 'post', text: LAST })));
    await until(() => over || said().includes(LAST), {
      what: () => `the end of it; told ${JSON.stringify(said())}`,
    });
    const { frames } = socket.everything();
    const fault = faultOfServer(socket);
    if (fault !== null) throw new Error(fault);
    return {
      ends: over ? endingOf(frames) : 'lives',
      told: said().filter((text) => text !== LAST),
      pongs: frames.filter(({ opcode }) => opcode === 10).map(({ payload }) => payload.toString()),
    };
  } finally {
    socket.socket.destroy();
  }
}

async function playAll(t: Test, parlor: Parlor, cases: readonly FrameCase[], place: string): Promise<void> {
  const waiting = [...cases.entries()];
  const player = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [n, { name, ends, told, pongs, ...rest }] = next;
      const seen = await play(parlor, { name, ends, told, pongs, ...rest }, `channel:${place}-${n}`).catch(
        (cause: unknown) => ({ fault: (cause as Error).message }),
      );
      t.same(seen, { ends, told, pongs }, name);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, player));
}

async function shakeHands(t: Test, parlor: Parlor, { name, bytes, status, answers }: HandshakeCase) {
  const raw = await connectRaw(parlor.port);
  raw.write(bytes);
  const answer = await answerOn(raw);
  const headers = answer?.headers ?? {};
  const told = Object.fromEntries(Object.keys(answers ?? {}).map((field) => [field, headers[field] ?? null]));
  t.same({ status: answer?.status, answers: told }, { status, answers }, name);
  raw.socket.destroy();
}

t.test('a server of RFC 6455', async (t) => {
  const parlor = await startParlor({ GRACE_MS: '0' });
  t.teardown(() => parlor.end());

  await t.test('handshakes (4.2)', async (t) => {
    for (const one of HANDSHAKES) await shakeHands(t, parlor, one);
    // A client has to wait for the answer (section 4.1). uWebSockets.js reads nothing of what shares its segment.
    const hasty = await connectRaw(parlor.port);
    const sent = [upgradeRequest('/ws/updates/channel:hasty?user=client'), frameBytes('{"type":"ping"}')];
    hasty.write(Buffer.concat(sent.map((piece) => Buffer.from(piece))));
    await until(() => hasty.received().includes('welcome'), { what: 'the welcome' });
    hasty.write(frameBytes('x', { opcode: 9 }));
    await until(() => hasty.received().includes(Buffer.from([0x8a, 1, 0x78])), { what: 'the pong' });
    t.notOk(hasty.received().includes('"pong"'), 'a frame that did not wait for the answer is not read');
    hasty.socket.destroy();
  });

  for (const [n, [section, cases]] of Object.entries(FRAME_CASES).entries()) {
    await t.test(section, (t) => playAll(t, parlor, cases, String(n)));
  }
  await untilMetric(parlor, 'parlor_connections', 0);
  t.same(warnings(parlor), [], 'nothing of it was worth a warning');
});
