import { ERRORS } from '../../engine/errors.js';
import type { Parlor } from '../support/parlor.js';
import { schemaFault } from '../e2e/support/json-schema.js';
import type { OpenApi, Operation } from '../e2e/support/openapi.js';
import { inside, type Attack, type Attempt } from './attack.js';
import { anyBytes, anyText, cut, mutated, times, type Chance } from './chance.js';
import { requestOf, type Request } from './http-requests.js';
import { openTcp, type Tcp } from './tcp.js';

/** A request that is whole has its answer within this time, ms; a busy machine needs some of it. */
const ANSWER_MS = 15_000;
/** What may have no answer, because more could follow, is given this time, ms; then its client hangs up. */
const PAUSE_MS = 150;

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The first whole answer in these bytes, `100 Continue` left out; null if there is none. */
export function firstAnswer(bytes: Buffer): Answer | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(first.split(' ')[1]);
  if (status === 100) return firstAnswer(bytes.subarray(end + 4));
  const headers = new Map(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()] as const;
    }),
  );
  const length = status === 304 ? 0 : Number(headers.get('content-length') ?? 0);
  const body = bytes.subarray(end + 4);
  return body.length < length ? null : { status, headers, body: body.subarray(0, length).toString() };
}

/** All answers that Parlor gives on purpose; `/` leads on, and uWebSockets.js adds 431 and 505 for what is no HTTP/1.1. */
const STATUSES: ReadonlySet<number> = new Set([
  ...[200, 201, 202, 204, 302, 304, 431, 505],
  ...Object.values(ERRORS).map(({ http }) => http),
]);

/** What is wrong with an answer, whatever was asked; null: nothing. */
function faultOfAnswer({ status, headers, body }: Answer): string | null {
  if (!STATUSES.has(status) || status === 500)
    return `${status}, which nobody expects: ${body.slice(0, 300)}`;
  const seen = inside(body);
  if (seen !== null) return seen;
  if (!(headers.get('content-type') ?? '').startsWith('application/problem+json')) return null;
  const problem = JSON.parse(body) as { readonly status?: unknown; readonly code?: unknown };
  const row = typeof problem.code === 'string' && Object.hasOwn(ERRORS, problem.code) ? problem.code : null;
  if (row === null) return `a problem of an unknown code: ${body.slice(0, 300)}`;
  return problem.status === status ? null : `${status} with a problem of ${String(problem.status)}`;
}

/** What uWebSockets.js of Node 20 answers to a first line in two segments (docs/systems.md): a busy machine may cut a long one. */
export const CUT_FIRST_LINE = process.versions.node.startsWith('20.') ? 505 : null;

/** From so many bytes of head on, uWebSockets.js itself answers 431 (MAX_HEAD_BYTES of api/node.ts); that of Node 20 never does. */
const LONG_HEAD = process.versions.node.startsWith('20.') ? Infinity : 16_000;

/** Whether an answer to this request is the 431 of uWebSockets.js to a head that is too long; it has no body and no id. */
export function isTooLong(request: Buffer | undefined, status: number): boolean {
  return status === 431 && (request?.indexOf('\r\n\r\n') ?? 0) >= LONG_HEAD;
}

/** What is wrong with an answer of this call by the document; null: nothing. */
function faultByDocument(operation: Operation, { status, headers, body }: Answer): string | null {
  if (status === CUT_FIRST_LINE) return null;
  const said = operation.responses[String(status)];
  if (said === undefined) return `${status} is not in the document: ${body.slice(0, 300)}`;
  if (headers.get('x-request-id') === undefined) return 'no x-request-id';
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  const schema = said.content?.[type]?.schema;
  if (schema === undefined) return body === '' ? null : `${type} is not in the document for ${status}`;
  const fault = schemaFault(schema, type.includes('json') ? JSON.parse(body) : body);
  return fault === null ? null : `${status}: ${fault}: ${body.slice(0, 300)}`;
}

/** Sends a whole request and resolves with what is wrong with its answer; null: nothing. */
export async function ask(
  port: number,
  { bytes, operation }: Request,
): Promise<{ came: string; wrong: string | null; answer: Answer | null }> {
  const tcp = await openTcp(port);
  try {
    tcp.write(bytes);
    const answer = await tcp.wait(
      () => firstAnswer(tcp.received()) ?? (tcp.isOver() ? 'over' : null),
      ANSWER_MS,
    );
    if (answer === null) return { came: 'nothing', wrong: `no answer within ${ANSWER_MS} ms`, answer: null };
    if (answer === 'over') return { came: 'dropped', wrong: 'dropped without an answer', answer: null };
    const wrong =
      faultOfAnswer(answer) ??
      (operation && !isTooLong(bytes, answer.status) ? faultByDocument(operation, answer) : null);
    // Rare, and allowed: so the count says why.
    const why = answer.status === 503 ? ` ${/"detail":"([^"]*)/.exec(answer.body)?.[1] ?? ''}` : '';
    return { came: `${answer.status}${why}`, wrong, answer };
  } finally {
    tcp.destroy();
  }
}

/** What may be no request at all has an answer, or its connection ends when its client hangs up. */
export async function provoke(tcp: Tcp, pieces: readonly Buffer[]): Promise<Omit<Attempt, 'input'>> {
  for (const piece of pieces) {
    tcp.write(piece);
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  const look = (): Answer | 'over' | null => firstAnswer(tcp.received()) ?? (tcp.isOver() ? 'over' : null);
  let answer = await tcp.wait(look, PAUSE_MS);
  if (answer === null) {
    tcp.finish();
    answer = await tcp.wait(look, ANSWER_MS);
    if (answer === null)
      return { came: 'stuck', wrong: `its connection does not end within ${ANSWER_MS} ms` };
  }
  if (answer === 'over') return { came: 'dropped', wrong: null };
  return { came: `${answer.status}, bent`, wrong: faultOfAnswer(answer) };
}

/** uWebSockets.js of Node 20 answers any first line that comes in two segments with 505, so that one is not cut. */
function inPieces(chance: Chance, bytes: Buffer): Buffer[] {
  const line = bytes.indexOf('\r\n') + 2;
  const [first = Buffer.alloc(0), ...others] = cut(chance, bytes.subarray(line), 5);
  return [Buffer.concat([bytes.subarray(0, line), first]), ...others];
}

function wildLines(chance: Chance): Buffer {
  const token = (): string => anyText(chance).replaceAll(/[\r\n]/g, '');
  const method = chance.pick([
    'GET',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'CONNECT',
    'get',
    token(),
  ]);
  const target = chance.pick([
    '/',
    '*',
    '/api',
    '//',
    'http://x/',
    '/api/rooms/',
    '/ws/updates/',
    `/${token()}`,
    `/api/${token()}?${token()}`,
  ]);
  const version = chance.pick(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', token()]);
  const names = [
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Expect',
    'Origin',
    'Cookie',
    'Upgrade',
    'Range',
    'Accept-Encoding',
    'Content-Encoding',
    'X-Request-Id',
  ];
  const values = [
    'parlor',
    '0',
    '5',
    '-1',
    '1e3',
    'chunked',
    'gzip',
    'close',
    'keep-alive',
    '100-continue',
    'http://evil.example',
    'null',
    'bytes=0-',
  ];
  const lines = times(
    chance.below(12),
    () =>
      `${chance.yes(0.9) ? chance.pick(names) : token()}: ${chance.yes(0.7) ? chance.pick(values) : token()}`,
  );
  const body = chance.yes(0.5) ? anyBytes(chance, 60) : Buffer.alloc(0);
  return Buffer.concat([
    Buffer.from([`${method} ${target} ${version}`, 'Host: parlor', ...lines, '', ''].join('\r\n')),
    body,
  ]);
}

/** Requests to every call of the document, right and wrong ones, and what is no HTTP at all. */
export function httpAttack(parlor: Parlor, document: OpenApi, lanes: number): Attack {
  /** Ids of messages that were answered, for reads of what is there. */
  const ids: string[] = [];
  return {
    name: 'http',
    lanes,
    async attempt(chance) {
      const request = requestOf(chance, document, ids);
      if (chance.yes(0.6)) {
        const { came, wrong, answer } = await ask(parlor.port, request);
        const id = answer?.status === 201 ? /"id":"([0-9a-f-]{36})"/.exec(answer.body)?.[1] : undefined;
        if (id !== undefined) ids[chance.below(50)] = id;
        return { input: [request.bytes], came, wrong };
      }
      const bytes = chance.yes(0.6) ? mutated(chance, request.bytes) : wildLines(chance);
      const input = chance.yes(0.7) ? [bytes] : inPieces(chance, bytes);
      const tcp = await openTcp(parlor.port);
      try {
        return { input, ...(await provoke(tcp, input)) };
      } finally {
        tcp.destroy();
      }
    },
  };
}
