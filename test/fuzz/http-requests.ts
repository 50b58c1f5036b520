import type { OpenApi, Operation, Parameter } from '../e2e/support/openapi.js';
import { anyBytes, anyJson, anyText, bent, cut, type Chance } from './chance.js';

/** A whole request, as HTTP wants it, whatever it asks for. */
export interface Request {
  readonly bytes: Buffer;
  /** The call of the document that has to describe its answer; null: it is at another address. */
  readonly operation: Operation | null;
}

/** Rooms that attacks are about. Honest people are in others, as these are closed and people are removed from them. */
export const POOL = [
  '42',
  'a',
  'direct:d',
  'group:g',
  'channel:c',
  'when-empty',
  'explicit',
  '...',
  ':',
] as const;
const USERS = ['alice', 'bob', 'm1', 'Ann Lee', '李', 'e\u0301', 'toString'] as const;
const TYPES = [
  'application/json; charset=utf-8',
  'application/json;charset=latin1',
  'text/plain',
  'application/merge-patch+json',
  'x',
] as const;

/** A value for a parameter: mostly one that fits, to get past the checks. */
function valueOf(chance: Chance, { name }: Parameter, ids: readonly string[]): string {
  if (chance.yes(0.2)) return anyText(chance);
  switch (name) {
    case 'room_id':
      return chance.yes(0.8) ? chance.pick(POOL) : `r${chance.below(1_000)}`;
    case 'user':
      return chance.pick(USERS);
    case 'purge':
      return chance.pick(['true', 'false']);
    case 'id':
    case 'event_id':
    case 'idempotency-key':
      return idOf(chance, ids);
    case 'limit':
      return String(chance.below(202));
    default:
      return chance.yes(0.3) ? idOf(chance, ids) : String(chance.below(20));
  }
}

/** One that was answered before, or a new one: of few, so that some are sent twice. */
function idOf(chance: Chance, ids: readonly string[]): string {
  const known = ids.filter((id) => id !== undefined);
  if (known.length > 0 && chance.yes(0.6)) return chance.pick(known);
  return `00000000-0000-7000-8000-${String(chance.below(chance.yes(0.5) ? 50 : 1e9)).padStart(12, '0')}`;
}

function policyOf(chance: Chance): Record<string, unknown> {
  const all: Record<string, unknown> = {
    capacity: chance.pick([null, 1, 2, 3, 100]),
    creation: chance.pick(['on_demand', 'explicit']),
    deletion: chance.pick(['manual', 'when_empty', 'never']),
    grace_ms: chance.below(500),
    idle_ms: chance.below(500),
    deliver_alone: chance.yes(0.5),
    post: chance.pick(['members', 'anyone']),
    retention: chance.pick([null, { max_messages: 5 }, { max_age_s: 1 }, { max_messages: 1, max_age_s: 60 }]),
  };
  return Object.fromEntries(Object.entries(all).filter(() => chance.yes(0.4)));
}

function bodyOf(chance: Chance, { operationId }: Operation, ids: readonly string[]): Buffer {
  if (chance.yes(0.1)) return Buffer.from(anyJson(chance));
  if (chance.yes(0.05)) return anyBytes(chance, 200);
  if (chance.yes(0.02)) return Buffer.alloc(chance.below(200_000), chance.pick(['[', 'x', ' ', '"']));
  if (operationId !== 'postMessage') return Buffer.from(bent(chance, policyOf(chance)));
  const text = chance.yes(0.5) ? 'Hello' : anyText(chance);
  const fields = {
    text,
    ...(chance.yes(0.5) ? { user: chance.pick(USERS) } : {}),
    ...(chance.yes(0.3) ? { id: idOf(chance, ids) } : {}),
  };
  return Buffer.from(bent(chance, fields));
}

/** One text of the header's value: what would end the line, or the encoding, is left out. */
function headerText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '').trim();
}

/** A request to one of the calls of the document, with right and wrong values. `ids` are of messages that are there. */
export function requestOf(chance: Chance, document: OpenApi, ids: readonly string[]): Request {
  const calls = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      // It ends the connections of those who are to be left in peace, as it should.
      .filter(([, { operationId }]) => operationId !== 'disconnectUser')
      .map(([method, operation]) => ({ path, method, operation })),
  );
  return requestTo(chance, chance.pick(calls), ids);
}

export interface Call {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

/** The same to one call. */
export function requestTo(
  chance: Chance,
  { path, method, operation }: Call,
  ids: readonly string[],
): Request {
  const headers: string[] = [];
  const query: string[] = [];
  let filled = path;
  let isThere = true;
  for (const parameter of operation.parameters ?? []) {
    const value = valueOf(chance, parameter, ids);
    const encoded = encodeURIComponent(value.toWellFormed());
    if (parameter.in === 'path') {
      // Another address.
      if (encoded === '') isThere = false;
      filled = filled.replace(`{${parameter.name}}`, () => encoded);
    } else if (chance.yes(0.5)) {
      if (parameter.in === 'query') query.push(`${parameter.name}=${encoded}`);
      else headers.push(`${parameter.name}: ${headerText(value)}`);
    }
  }
  if (chance.yes(0.03)) query.push(`${encodeURIComponent(anyText(chance).toWellFormed())}=1`);
  if (chance.yes(0.03)) query.push(...query.slice(0, 1));
  if (chance.yes(0.1)) headers.push(`X-Request-Id: ${headerText(anyText(chance))}`);
  if (chance.yes(0.1))
    headers.push(`If-None-Match: ${chance.pick(['*', '""', headerText(anyText(chance))])}`);
  if (chance.yes(0.1)) headers.push(`Accept: ${chance.pick(['*/*', 'text/html', 'application/json;q=0'])}`);
  const target = `${filled}${chance.yes(0.03) ? '/' : ''}${query.length > 0 ? `?${query.join('&')}` : ''}`;
  const lines = [`${method.toUpperCase()} ${target} HTTP/1.1`, 'Host: parlor', ...headers];
  if (operation.requestBody === undefined || chance.yes(0.03))
    return request(lines, Buffer.alloc(0), isThere ? operation : null);
  lines.push(`Content-Type: ${chance.yes(0.95) ? 'application/json' : chance.pick(TYPES)}`);
  const body = bodyOf(chance, operation, ids);
  if (chance.yes(0.9)) {
    lines.push(`Content-Length: ${body.length}`);
    return request(lines, body, isThere ? operation : null);
  }
  lines.push('Transfer-Encoding: chunked');
  const chunks = cut(chance, body, 4)
    .filter(({ length }) => length > 0)
    .map((chunk) =>
      Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
    );
  return request(lines, Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]), isThere ? operation : null);
}

function request(lines: readonly string[], body: Buffer, operation: Operation | null): Request {
  return { bytes: Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]), operation };
}
