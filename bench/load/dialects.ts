import type { DialectName } from './plan.js';

/** What a frame, or a line of one, is for the load. */
export const KIND = { other: 0, message: 1, ack: 2, error: 3, queued: 4, ping: 5, reply: 6 } as const;

/** What is said, if anything, and what has to come then; the last one lets a connection in. */
export interface Step {
  readonly say: string | null;
  readonly hear: string;
}

/** How to speak with one kind of server. Texts are JSON or what Socket.IO makes of it. */
export interface Dialect {
  path(room: string, user: string, since: number | null): string;
  steps(room: string): readonly Step[];
  /** What begins so while a connection comes in refuses it. */
  readonly refusals: readonly string[];
  /** By the byte of a text at `letterAt` one knows its kind; texts that are shorter have letter 0. */
  readonly letterAt: number;
  readonly kinds: Readonly<Record<string, number>>;
  /** The kind of what is too short to have a letter. */
  readonly short: number;
  /** Whether a frame may hold several texts, a line each. */
  readonly lines: boolean;
  /** A text that asks for an answer, and the answer. */
  readonly ping: { readonly hear: string; readonly say: string } | null;
  /** The frame of a post whose text ends in its marker; `@` in it stands for nine digits that count posts. */
  post(room: string, user: string, text: string): string;
  /** Bytes of a message after the marker, mostly. */
  readonly tail: number;
  readonly typing: string | null;
  /** Whether each post is answered. */
  readonly acks: 'always' | 'maybe' | 'never';
}

const CREATED_AT = '2026-01-01T00:00:00.000Z';
const MESSAGE_TAIL = `","created_at":"${CREATED_AT}"}`.length;

const roomPath = (room: string, user: string, since: number | null): string =>
  `/ws/updates/${room}?user=${user}${since === null ? '' : `&since=${since}`}`;

/** A message as Parlor would send it, so that all servers send as many bytes. */
const message = (room: string, user: string, text: string): string =>
  JSON.stringify({
    type: 'message',
    id: '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a',
    room_id: room,
    seq: 100000,
    user,
    text,
    created_at: CREATED_AT,
  });

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  parlor: {
    path: roomPath,
    steps: () => [{ say: null, hear: '{"type":"welcome"' }],
    refusals: ['{"type":"error"'],
    // The third letter of the type: at the first, `message` and `member_kicked` are alike.
    letterAt: '{"type":"me'.length,
    kinds: { s: KIND.message, k: KIND.ack, r: KIND.error, e: KIND.queued },
    short: KIND.other,
    lines: false,
    ping: null,
    post: (_room, _user, text) => JSON.stringify({ type: 'post', text }),
    tail: MESSAGE_TAIL,
    typing: '{"type":"typing"}',
    acks: 'always',
  },
  plain: {
    path: roomPath,
    steps: () => [],
    refusals: [],
    letterAt: '{"type":"me'.length,
    kinds: { s: KIND.message, k: KIND.ack, r: KIND.error },
    short: KIND.other,
    lines: false,
    ping: null,
    post: message,
    tail: MESSAGE_TAIL,
    typing: null,
    // uws-gathered may, uws-raw and ws do not: none is waited for.
    acks: 'maybe',
  },
  'socket.io': {
    path: () => '/socket.io/?EIO=4&transport=websocket',
    steps: (room) => [
      { say: null, hear: '0{' },
      { say: '40', hear: '40{' },
      { say: `42${JSON.stringify(['join', room])}`, hear: '42["joined"' },
    ],
    refusals: ['41', '44', '42["error"'],
    letterAt: '42["'.length,
    kinds: { m: KIND.message, e: KIND.error },
    short: KIND.ping,
    lines: false,
    ping: { hear: '2', say: '3' },
    post: (room, user, text) => `42["post",${message(room, user, text)}]`,
    tail: MESSAGE_TAIL + ']'.length,
    typing: null,
    acks: 'never',
  },
  centrifugo: {
    path: () => '/connection/websocket',
    steps: (room) => [
      { say: '{"id":1,"connect":{}}', hear: '{"id":1,"connect"' },
      { say: JSON.stringify({ id: 2, subscribe: { channel: room } }), hear: '{"id":2,"subscribe"' },
    ],
    refusals: ['{"id":1,"error"', '{"id":2,"error"', '{"error"'],
    letterAt: '{"'.length,
    kinds: { p: KIND.message, i: KIND.reply },
    short: KIND.ping,
    lines: true,
    ping: { hear: '{}', say: '{}' },
    post: (room, user, text) =>
      `{"id":@,"publish":{"channel":${JSON.stringify(room)},"data":${message(room, user, text)}}}`,
    tail: MESSAGE_TAIL + '}}}'.length,
    typing: null,
    acks: 'always',
  },
};

/** `kinds` of a dialect by letter. */
export function kindsByLetter(dialect: Dialect): Uint8Array {
  const table = new Uint8Array(256);
  for (const [letter, kind] of Object.entries(dialect.kinds)) table[letter.charCodeAt(0)] = kind;
  table[0] = dialect.short;
  return table;
}
