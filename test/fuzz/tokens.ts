import { ERRORS } from '../../engine/errors.js';
import { frameBytes, upgradeRequest } from '../e2e/support/raw.js';
import type { Parlor } from '../support/parlor.js';
import type { Attack, Attempt } from './attack.js';
import { anyJson, type Chance } from './chance.js';
import { forgedToken, goodToken, type Forged } from './forged-tokens.js';
import { ask } from './http.js';
import { openTcp, type Tcp } from './tcp.js';
import { listen, type FrameSchemas, type Told } from './ws.js';

/** What is whole has its answer within this time, ms; a busy machine needs some of it. */
const ANSWER_MS = 15_000;
const ROOM = 'channel:tokens';
/** A head that is longer may be refused by uWebSockets.js, before a token is looked for. */
const HEAD = 4_000;
/** What says nothing of a token: others may be in the way just now. */
const BUSY: ReadonlySet<string> = new Set(['unavailable', 'rate_limited']);

/** Where a token goes: all of it in a request, or in what follows. */
type Door = 'header' | 'protocol' | 'query';

/** In a header only printable ASCII comes through, and a comma ends a subprotocol. */
function doorFor(chance: Chance, { text }: Forged): Door {
  if (!/^[\x21-\x7e]+$/.test(text)) return 'query';
  return chance.pick(text.includes(',') ? ['header', 'query'] : ['header', 'protocol', 'query']);
}

function headersFor(door: Door, text: string): string[] {
  switch (door) {
    case 'header':
      return [`Authorization: Bearer ${text}`];
    case 'protocol':
      return [`Sec-WebSocket-Protocol: parlor.v1, parlor.token.${text}`];
    case 'query':
      return [];
  }
}

function pathFor(door: Door, path: string, text: string): string {
  return door === 'query' ? `${path}?access_token=${encodeURIComponent(text.toWellFormed())}` : path;
}

/** Whether an outcome fits a token. `isLet`: a door has opened; null: it says nothing of the token. */
function misjudged({ worth, text }: Forged, isLet: boolean | null, told: string): string | null {
  if (isLet === null || worth === 'some') return null;
  if (worth === 'none' && isLet) return `a worthless token was accepted: ${told}`;
  if (worth === 'good' && !isLet && text.length < HEAD) return `a good token was refused: ${told}`;
  return null;
}

/** A token at HTTP: reading or posting, over the short way or the long one. */
async function byHttp(parlor: Parlor, chance: Chance, forged: Forged): Promise<Attempt> {
  const door = chance.pick(doorFor(chance, forged) === 'query' ? ['query'] : ['header', 'query']) as Door;
  const isPost = chance.yes(0.6);
  const body = isPost ? JSON.stringify({ text: 'Hello' }) : '';
  const path = pathFor(door, `/api/rooms/${ROOM}/messages`, forged.text);
  const lines = [`${isPost ? 'POST' : 'GET'} ${path} HTTP/1.1`, 'Host: parlor'];
  if (isPost) lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  const bytes = Buffer.from(`${[...lines, ...headersFor(door, forged.text)].join('\r\n')}\r\n\r\n${body}`);
  const { came, wrong, answer } = await ask(parlor.port, { bytes, operation: null });
  const attempt = { input: [bytes], came: `HTTP: ${came}` };
  // uWebSockets.js drops what is too long for it.
  if (answer === null) return { ...attempt, wrong: bytes.length < HEAD ? wrong : null };
  const code = /"code":"(\w+)"/.exec(answer.body)?.[1] ?? '';
  const isLet = BUSY.has(code) ? null : answer.status < 300 || answer.status === 404;
  const told =
    answer.body.includes(forged.text) && forged.text.length > 20 ? 'the answer quotes the token' : null;
  return { ...attempt, wrong: wrong ?? told ?? misjudged(forged, isLet, answer.body.slice(0, 300)) };
}

/** What came of a handshake: what was told over the WebSocket, the status of another answer, or nothing. */
async function knock(tcp: Tcp, schemas: FrameSchemas): Promise<Told | string | null> {
  return tcp.wait(() => {
    const bytes = tcp.received();
    const status = /^HTTP\/1\.1 (\d+)/.exec(bytes.subarray(0, 20).toString('latin1'))?.[1];
    if (status !== undefined && status !== '101') return status;
    if (status === undefined || !bytes.includes('\r\n\r\n')) return tcp.isOver() ? 'dropped' : null;
    const told = listen(bytes, schemas);
    return told.frames.length > 0 || tcp.isOver() ? told : null;
  }, ANSWER_MS);
}

/** A token at a WebSocket's handshake. */
async function byHandshake(
  parlor: Parlor,
  chance: Chance,
  forged: Forged,
  schemas: FrameSchemas,
): Promise<Attempt> {
  const door = doorFor(chance, forged);
  const path = pathFor(door, `/ws/updates/${ROOM}`, forged.text);
  const bytes = Buffer.from(upgradeRequest(path, headersFor(door, forged.text)));
  const tcp = await openTcp(parlor.port);
  try {
    tcp.write(bytes);
    const told = await knock(tcp, schemas);
    if (told === null) return { input: [bytes], came: 'nothing', wrong: 'no answer to a handshake' };
    if (typeof told === 'string') {
      const wrong = bytes.length < HEAD ? `a handshake was answered ${told}` : null;
      return { input: [bytes], came: `handshake: ${told}`, wrong };
    }
    const [first] = told.frames;
    const code = first?.type === 'error' ? String(first['code']) : String(first?.type);
    const wrong = told.wrong ?? misjudged(forged, isLetBy(first), JSON.stringify(first));
    return { input: [bytes], came: `handshake: ${code}`, wrong: wrong ?? quoted(told, forged) };
  } finally {
    tcp.destroy();
  }
}

function isLetBy(frame: Told['frames'][number] | undefined): boolean | null {
  return BUSY.has(String(frame?.['code'])) ? null : frame?.type !== 'error';
}

function quoted({ frames }: Told, { text }: Forged): string | null {
  return text.length > 20 && JSON.stringify(frames).includes(text) ? 'a frame quotes the token' : null;
}

/** A good token until somebody is let in, and then others in `refresh` frames, one after the other. */
async function byRefresh(
  parlor: Parlor,
  chance: Chance,
  sub: string,
  schemas: FrameSchemas,
): Promise<Attempt> {
  const good = goodToken(sub);
  const input: Buffer[] = [Buffer.from(upgradeRequest(pathFor('query', `/ws/updates/${ROOM}`, good.text)))];
  const tcp = await openTcp(parlor.port);
  const answers = (): readonly Told['frames'][number][] =>
    listen(tcp.received(), schemas).frames.filter(({ type }) => type === 'refreshed' || type === 'error');
  try {
    tcp.write(input[0] ?? '');
    const told = await knock(tcp, schemas);
    if (told === null || typeof told === 'string' || told.frames[0]?.type !== 'welcome')
      return {
        input,
        came: 'refresh: not let in',
        wrong: misjudged(good, isLetOf(told), JSON.stringify(told)),
      };
    for (let at = 0; at < 1 + chance.below(8); at++) {
      const forged = forgedToken(chance, sub);
      const isText = chance.yes(0.85);
      const token = isText ? JSON.stringify(forged.text) : anyJson(chance);
      input.push(frameBytes(`{"type":"refresh","token":${token}}`));
      tcp.write(input.at(-1) ?? '');
      const answer = await tcp.wait(() => answers()[at] ?? (tcp.isOver() ? 'over' : null), ANSWER_MS);
      if (answer === null) return { input, came: 'refresh: silence', wrong: 'a refresh has no answer' };
      const all = listen(tcp.received(), schemas);
      // Some tokens end soon, or take the right to be here away.
      if (answer === 'over' || all.close !== null)
        return {
          input,
          came: `refresh: ended ${String(all.close)}`,
          wrong: all.wrong ?? badClose(all.close),
        };
      const isLet = BUSY.has(String(answer['code'])) ? null : answer.type === 'refreshed';
      const worth = isText ? forged : ({ text: token, worth: 'none' } as const);
      const wrong = all.wrong ?? misjudged(worth, isLet, JSON.stringify(answer)) ?? quoted(all, forged);
      if (wrong !== null) return { input, came: 'refresh', wrong };
    }
    return { input, came: 'refresh: answered', wrong: null };
  } finally {
    tcp.destroy();
  }
}

function isLetOf(told: Told | string | null): boolean | null {
  if (told === null || typeof told === 'string') return false;
  return isLetBy(told.frames[0]);
}

function badClose(close: number | null): string | null {
  const codes: readonly number[] = [ERRORS.unauthorized, ERRORS.forbidden, ERRORS.rate_limited].map(
    (row) => row.close,
  );
  return close === null || codes.includes(close) ? null : `it ended with ${close}`;
}

/** How many of the last tokens are looked for in the log, whose lines come later than the answers. */
const LOOKED_FOR = 100;

/** Tokens of attackers, right and wrong ones, at every place that takes one. */
export function tokenAttack(parlor: Parlor, schemas: FrameSchemas, lanes: number): Attack {
  const lately: string[] = [];
  let read = 0;

  /** The log's next lines, if one of the last tokens is in them. */
  function betrayed(): string | null {
    const lines = JSON.stringify(parlor.logs.slice(read));
    read = parlor.logs.length;
    return lately.some((text) => lines.includes(text)) ? 'a token is in the log' : null;
  }

  return {
    name: 'tokens',
    lanes,
    async attempt(chance) {
      const sub = `t${chance.below(4)}`;
      const forged = forgedToken(chance, sub);
      // Others are too short to be told from what else is logged, or are written in another way there.
      if (forged.text.length > 60 && /^[\w.-]+$/.test(forged.text)) lately.push(forged.text);
      if (lately.length > LOOKED_FOR) lately.shift();
      const way = chance.below(10);
      const attempt = await (way < 5
        ? byHttp(parlor, chance, forged)
        : way < 8
          ? byHandshake(parlor, chance, forged, schemas)
          : byRefresh(parlor, chance, sub, schemas));
      return { ...attempt, wrong: attempt.wrong ?? betrayed() };
    },
  };
}
