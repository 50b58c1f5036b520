import { decodeFrame } from '../../engine/codec.js';
import { CLOSE_SERVICE_RESTART, ERRORS } from '../../engine/errors.js';
import { schemaFault, type Schema } from '../e2e/support/json-schema.js';
import { frameBytes, parseFrames, upgradeRequest, type ReceivedFrame } from '../e2e/support/raw.js';
import type { Parlor } from '../support/parlor.js';
import { inside, type Attack, type Attempt } from './attack.js';
import { anyText, cut, mutated, times, type Chance } from './chance.js';
import { POOL } from './http-requests.js';
import { provoke } from './http.js';
import { openTcp, type Tcp } from './tcp.js';
import { textFrame, wildFrame, wrapped } from './ws-frames.js';

/** What is whole has its answer within this time, ms; a busy machine needs some of it. */
export const ANSWER_MS = 15_000;
/** What may have no answer is given this time, ms; then its client hangs up. */
const PAUSE_MS = 100;

/** Twice MAX_FRAME_BYTES, see adapters/uws. */
export const DROPPED = 131_072;

const CLOSES: ReadonlySet<number> = new Set([
  CLOSE_SERVICE_RESTART,
  ...Object.values(ERRORS).map(({ close }) => close),
]);

/** Errors that come when others close the room, or remove the member. */
const ENDINGS: ReadonlySet<string> = new Set(['room_closed', 'forbidden']);

/** The schemas of the server's frames, by their type. */
export type FrameSchemas = ReadonlyMap<string, Schema>;

/** `channel`: of one room, or of many. */
export async function readFrameSchemas(
  parlor: Parlor,
  channel: 'updates' | 'rooms' = 'updates',
): Promise<FrameSchemas> {
  const document = (await (await parlor.get('/api/asyncapi.json')).json()) as {
    channels: Record<typeof channel, { messages: Record<string, { payload: Schema }> }>;
  };
  const messages = Object.entries(document.channels[channel].messages);
  return new Map(
    messages
      .filter(([name]) => name.startsWith('server_'))
      .map(([name, { payload }]) => [name.slice('server_'.length), payload]),
  );
}

export interface Told {
  readonly frames: readonly { readonly type: string; readonly [field: string]: unknown }[];
  readonly pongs: number;
  /** The code of the close frame; 1005 if it has none; null if there is no close frame. */
  readonly close: number | null;
  readonly wrong: string | null;
}

/** What a server has said over a WebSocket, and what is wrong with it. */
export function listen(bytes: Buffer, schemas: FrameSchemas): Told {
  const { frames } = parseFrames(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4));
  const texts = frames.filter(({ opcode }) => opcode === 1).map(({ payload }) => payload.toString());
  const told = texts.map((text) => JSON.parse(text) as Told['frames'][number]);
  const closing = frames.find(({ opcode }) => opcode === 8);
  const close =
    closing === undefined ? null : closing.payload.length < 2 ? 1005 : closing.payload.readUInt16BE();
  const pongs = frames.filter(({ opcode }) => opcode === 10).length;
  return { frames: told, pongs, close, wrong: faultOf(frames, texts, schemas) };
}

function faultOf(
  frames: readonly ReceivedFrame[],
  texts: readonly string[],
  schemas: FrameSchemas,
): string | null {
  if (frames.some(({ head }) => (head & 0xf080) !== 0x8000)) return 'a frame with an odd head';
  for (const text of texts) {
    const frame = JSON.parse(text) as { readonly type: string };
    const schema = schemas.get(frame.type);
    const fault = schema === undefined ? `there is no frame ${frame.type}` : schemaFault(schema, frame);
    const shown = frame.type === 'error' ? inside(text) : null;
    if (fault !== null || shown !== null) return `${fault ?? shown}: ${text.slice(0, 300)}`;
    if ('code' in frame && frame.code === 'internal') return `a fault on their side: ${text}`;
  }
  return null;
}

const hello = (room: string, user: string): string =>
  `/ws/updates/${encodeURIComponent(room)}?user=${encodeURIComponent(user)}`;

/** Waits until a WebSocket is open and has been told something. */
export async function opened(tcp: Tcp, schemas: FrameSchemas): Promise<Told | null> {
  const look = (): Told | null => {
    if (!tcp.received().includes('\r\n\r\n')) return null;
    const told = listen(tcp.received(), schemas);
    return told.frames.length > 0 || tcp.isOver() ? told : null;
  };
  return tcp.wait(look, ANSWER_MS);
}

/** Frames as the protocol wants them, with anything in them: each is answered. */
async function talk(chance: Chance, tcp: Tcp, room: string, schemas: FrameSchemas): Promise<Attempt> {
  const request = Buffer.from(upgradeRequest(hello(room, `m${chance.below(4)}`)));
  const input: Buffer[] = [request];
  tcp.write(request);
  const first = await opened(tcp, schemas);
  if (first === null) return { input, came: 'nothing', wrong: 'no answer to a handshake' };
  if (first.wrong !== null) return { input, came: 'a bad frame', wrong: first.wrong };
  if (first.frames[0]?.type !== 'welcome') {
    const refused = await tcp.wait(() => (tcp.isOver() ? listen(tcp.received(), schemas) : null), ANSWER_MS);
    const close = refused?.close ?? null;
    return { input, came: `not let in: ${String(close)}`, wrong: refused?.wrong ?? badClose(close) };
  }
  let [answers, pings, pongFrames] = [0, 0, 1];
  for (const text of times(1 + chance.below(12), () => textFrame(chance))) {
    const { frames, pings: more } = wrapped(chance, text);
    pings += more;
    const decoded = decodeFrame(Buffer.from(text).toString());
    const type = 'frame' in decoded ? decoded.frame.type : 'fault';
    if (type === 'ping') pongFrames++;
    else if (type !== 'typing') answers++;
    input.push(...frames);
  }
  input.push(frameBytes('{"type":"ping"}'));
  tcp.write(Buffer.concat(input.slice(1)));
  const count = ({ frames }: Told, ...types: string[]): number =>
    frames.filter(({ type }) => types.includes(type)).length;
  const isAnswered = (told: Told): boolean =>
    count(told, 'ack', 'queued', 'error') >= answers &&
    count(told, 'pong') >= pongFrames &&
    told.pongs >= pings;
  const last = await tcp.wait(() => {
    const told = listen(tcp.received(), schemas);
    return tcp.isOver() || isAnswered(told) ? told : null;
  }, ANSWER_MS);
  if (last === null) {
    const told = listen(tcp.received(), schemas);
    const wanted = `${answers} answers, ${pongFrames} pongs, ${pings} pongs of the protocol`;
    return { input, came: 'silence', wrong: `${wanted}, and got ${JSON.stringify(told).slice(-1_500)}` };
  }
  if (last.wrong !== null) return { input, came: 'a bad frame', wrong: last.wrong };
  // Somebody has closed the room meanwhile, or removed the member.
  if (!isAnswered(last)) {
    // uWebSockets.js drops what is far too long, without a word.
    const isDropped = last.close === null && input.some(({ length }) => length > DROPPED);
    return { input, came: `ended: ${String(last.close)}`, wrong: isDropped ? null : badClose(last.close) };
  }
  // An error that ends the connection comes last, and is an answer to nobody.
  const isEnding = ENDINGS.has(String(last.frames.at(-1)?.['code']));
  const more = count(last, 'ack', 'queued', 'error') - answers - Number(isEnding);
  const told = JSON.stringify(last.frames.slice(-5));
  return { input, came: 'answered', wrong: more > 0 ? `more than ${answers} answers: ${told}` : null };
}

export function badClose(close: number | null): string | null {
  return close !== null && CLOSES.has(close) ? null : `it ended with ${String(close)}`;
}

/** Bytes that are hardly frames. Its connection ends by the rules, or when its client hangs up. */
export async function rave(chance: Chance, tcp: Tcp, path: string, schemas: FrameSchemas): Promise<Attempt> {
  const request = Buffer.from(upgradeRequest(path));
  const wild = Buffer.concat(times(1 + chance.below(6), () => wildFrame(chance)));
  const input = [request, ...(chance.yes(0.5) ? [wild] : cut(chance, wild, 6))];
  tcp.write(request);
  if ((await opened(tcp, schemas)) === null)
    return { input, came: 'nothing', wrong: 'no answer to a handshake' };
  for (const piece of input.slice(1)) tcp.write(piece);
  const isOver = (): true | null => tcp.isOver() || null;
  if ((await tcp.wait(isOver, PAUSE_MS)) === null) tcp.finish();
  if ((await tcp.wait(isOver, ANSWER_MS)) === null)
    return { input, came: 'stuck', wrong: `its connection does not end within ${ANSWER_MS} ms` };
  const { close, wrong } = listen(tcp.received(), schemas);
  // What the client sent is echoed, or it has no code.
  const isFine = close === null || close === 1005 || CLOSES.has(close) || (close >= 1000 && close < 5000);
  return {
    input,
    came: `wild: ${close === null ? 'dropped' : close < 4000 ? 'closed' : close}`,
    wrong: isFine ? wrong : badClose(close),
  };
}

/** Handshakes with anything in them, or bent. `schemas`: of either address, as a bent one may be the other. */
async function knock(chance: Chance, tcp: Tcp, schemas: FrameSchemas): Promise<Attempt> {
  const value = (): string => encodeURIComponent(anyText(chance).toWellFormed());
  const query = times(
    chance.below(4),
    () => `${chance.pick(['user', 'since', 'resume', 'token', value()])}=${value()}`,
  );
  const path = chance.yes(0.5)
    ? `/ws/updates/${chance.pick(POOL)}`
    : `/ws${chance.pick(['', '/', '/', '/updates/', '/x/'])}${chance.yes(0.8) ? value() : ''}`;
  const request = Buffer.from(upgradeRequest(`${path}?${query.join('&')}`));
  const input = [chance.yes(0.7) ? request : mutated(chance, request)];
  tcp.write(input[0] ?? '');
  // A bent request may not be whole; one that is accepted is told something.
  const accepted = (): true | null => tcp.received().includes(' 101 ') || null;
  if ((await tcp.wait(accepted, PAUSE_MS)) === null) {
    const other = await provoke(tcp, []);
    if (other.wrong === null || accepted() === null) return { input, ...other };
  }
  const told = await opened(tcp, schemas);
  if (told === null) return { input, came: 'nothing', wrong: 'no answer to a handshake' };
  return { input, came: `knocked: ${told.frames[0]?.type ?? 'dropped'}`, wrong: told.wrong };
}

/** WebSockets of people who mean no good; some of them are in the rooms of honest ones. */
export function wsAttack(
  parlor: Parlor,
  schemas: FrameSchemas,
  rooms: readonly string[],
  lanes: number,
  ofMany: FrameSchemas,
): Attack {
  const ofEither = new Map([...ofMany, ...schemas]);
  return {
    name: 'ws',
    lanes,
    async attempt(chance) {
      const tcp = await openTcp(parlor.port);
      const room = chance.yes(0.5) ? chance.pick(rooms) : chance.pick(POOL);
      try {
        if (chance.yes(0.5)) return await talk(chance, tcp, room, schemas);
        return chance.yes(0.6)
          ? await rave(chance, tcp, hello(room, 'rave'), schemas)
          : await knock(chance, tcp, ofEither);
      } finally {
        tcp.destroy();
      }
    },
  };
}
