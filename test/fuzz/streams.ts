import { schemaFault } from '../e2e/support/json-schema.js';
import type { Parlor } from '../support/parlor.js';
import { inside, type Attack, type Attempt } from './attack.js';
import { anyText, type Chance } from './chance.js';
import { ask, CUT_FIRST_LINE, firstAnswer, isTooLong } from './http.js';
import { POOL } from './http-requests.js';
import { followed, NO_SEQS, welcomed } from './seqs.js';
import { openTcp, type Tcp } from './tcp.js';
import { ANSWER_MS, badClose, type FrameSchemas } from './ws.js';

/** The body of a chunked answer as far as it has come. */
function dechunked(bytes: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at);
    const length = end < 0 ? NaN : parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (Number.isNaN(length) || length === 0 || bytes.length < end + 2 + length) break;
    pieces.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 4 + length;
  }
  return Buffer.concat(pieces).toString();
}

interface Heard {
  /** Types of frames, in order. */
  readonly types: readonly string[];
  /** The code of the last event; null: it has not come. */
  readonly ended: number | null;
  readonly wrong: string | null;
}

const LINE = /^(?:retry: \d+|id: \d+|event: end|data: \{[^\r\n]*\}|:)$/;

/** What the whole events say that have come, and what is wrong with them. */
function hear(bytes: Buffer, schemas: FrameSchemas): Heard {
  const events = dechunked(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)).split('\n\n');
  const types: string[] = [];
  let ended: number | null = null;
  let seqs = NO_SEQS;
  // The last one is not whole, or empty.
  for (const event of events.slice(0, -1)) {
    const wrong = (what: string): Heard => ({ types, ended, wrong: `${what}: ${event.slice(0, 300)}` });
    const lines = event.split('\n');
    if (ended !== null) return wrong('an event behind the end');
    if (!lines.every((line) => LINE.test(line))) return wrong('a line that is none');
    const data = lines.find((line) => line.startsWith('data: '))?.slice('data: '.length);
    if (data === undefined) continue;
    const frame = JSON.parse(data) as Readonly<Record<string, unknown>>;
    if (lines.includes('event: end')) {
      ended = Number(frame['code']);
      continue;
    }
    const type = String(frame['type']);
    const schema = schemas.get(type);
    const fault = schema === undefined ? `there is no frame ${type}` : schemaFault(schema, frame);
    if (fault !== null) return wrong(fault);
    if (type === 'error' && inside(data) !== null) return wrong('it shows the inside');
    if ((types.length === 0) !== (type === 'welcome')) return wrong('a welcome comes first, and once');
    types.push(type);
    if (type === 'welcome') seqs = welcomed(frame);
    const { seq } = frame;
    if (typeof seq !== 'number') continue;
    if (!lines.includes(`id: ${seq}`)) return wrong('its id is not its seq');
    const follows = followed(seqs, seq, frame);
    if (follows.wrong !== null) return wrong(follows.wrong);
    ({ seqs } = follows);
  }
  return { types, ended, wrong: null };
}

function requestFor(chance: Chance, room: string): Buffer {
  const value = (): string => encodeURIComponent(anyText(chance).toWellFormed());
  const query = [
    ...(chance.yes(0.9) ? [`user=${chance.yes(0.9) ? `m${chance.below(4)}` : value()}`] : []),
    ...(chance.yes(0.3) ? [`since=${chance.yes(0.8) ? chance.below(30) : value()}`] : []),
    ...(chance.yes(0.05) ? [`resume=${value()}`] : []),
  ];
  const last = chance.yes(0.3)
    ? [`Last-Event-ID: ${chance.pick(['0', '7', '-1', 'x', '9007199254740993'])}`]
    : [];
  const target = `/api/rooms/${encodeURIComponent(room)}/stream?${query.join('&')}`;
  return Buffer.from([`GET ${target} HTTP/1.1`, 'Host: parlor', ...last, '', ''].join('\r\n'));
}

/** A post to the room, so that the stream has something to say. */
async function post(parlor: Parlor, room: string): Promise<void> {
  const body = '{"text":"a line\\r\\nand another one\\u2028"}';
  const lines = [`POST /api/rooms/${encodeURIComponent(room)}/messages HTTP/1.1`, 'Host: parlor'];
  lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  await ask(parlor.port, { bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`), operation: null });
}

async function listenTo(
  chance: Chance,
  parlor: Parlor,
  tcp: Tcp,
  room: string,
  schemas: FrameSchemas,
): Promise<Attempt> {
  const input = [requestFor(chance, room)];
  tcp.write(input[0] ?? '');
  // A client that goes before it has an answer.
  if (chance.yes(0.1)) return { input, came: 'went at once', wrong: null };
  const answer = await tcp.wait(() => firstAnswer(tcp.received()), ANSWER_MS);
  if (answer === null) return { input, came: 'nothing', wrong: 'no answer' };
  if (answer.status !== 200) {
    const isProblem = (answer.headers.get('content-type') ?? '').startsWith('application/problem+json');
    const wrong =
      answer.status === 500 ||
      !(isProblem || isTooLong(input[0], answer.status) || answer.status === CUT_FIRST_LINE)
        ? `${answer.status}: ${answer.body.slice(0, 300)}`
        : null;
    return { input, came: String(answer.status), wrong };
  }
  const posts = chance.below(4);
  for (let left = posts; left > 0; left--) await post(parlor, room);
  const heard = await tcp.wait(() => {
    const now = hear(tcp.received(), schemas);
    const isEnough = now.types.filter((type) => type === 'message').length >= posts && now.types.length > 0;
    // Its room may be closed or not take posts.
    return now.wrong !== null || now.ended !== null || tcp.isOver() || isEnough ? now : null;
  }, PATIENCE_MS);
  const { wrong, ended, types } = heard ?? hear(tcp.received(), schemas);
  if (wrong !== null) return { input, came: 'a bad event', wrong };
  if (types[0] !== 'welcome') return { input, came: 'no welcome', wrong: 'a stream without a welcome' };
  if (ended !== null) return { input, came: `ended: ${ended}`, wrong: badClose(ended) };
  return { input, came: heard === null ? 'heard little' : 'heard', wrong: null };
}

/** Posts of others than members may be refused, so that nothing comes; then it goes after so many ms. */
const PATIENCE_MS = 500;

/** Streams of events: begun, ended and broken off. */
export function streamAttack(
  parlor: Parlor,
  schemas: FrameSchemas,
  rooms: readonly string[],
  lanes: number,
): Attack {
  return {
    name: 'streams',
    lanes,
    async attempt(chance) {
      const tcp = await openTcp(parlor.port);
      const room = chance.pick([...POOL, ...rooms]);
      try {
        return await listenTo(chance, parlor, tcp, room, schemas);
      } finally {
        if (chance.yes(0.3)) tcp.finish();
        tcp.destroy();
      }
    },
  };
}
