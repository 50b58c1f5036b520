/** A request, and the status of its answer: 101 opens the WebSocket, any other ends the connection. */
export interface HandshakeCase {
  readonly name: string;
  readonly bytes: string;
  /** Undefined: the connection ends without an answer. */
  readonly status: number | undefined;
  /** What the header of this name says in the answer; null: it is not there. */
  readonly answers?: Readonly<Record<string, string | null>>;
}

/** The example of section 1.3, and what it is answered. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const FIELDS = {
  Host: 'parlor',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': KEY,
  'Sec-WebSocket-Version': '13',
};

/** What uWebSockets.js says: its binary for Node 20 answers, those for newer ones end the connection (docs/systems.md). */
const WITHOUT_VERSION = process.versions.node.startsWith('20.') ? 505 : undefined;

type Values = string | readonly string[] | null;

interface Change {
  /** Headers by name: several lines of it, or none (null), in place of the usual one. */
  readonly headers?: Readonly<Record<string, Values>>;
  readonly line?: string;
}

function one(
  name: string,
  status: number | undefined,
  { headers = {}, line = 'GET /ws/updates/channel:handshakes?user=client HTTP/1.1' }: Change = {},
  answers: HandshakeCase['answers'] = {},
): HandshakeCase {
  const all: Readonly<Record<string, Values>> = { ...FIELDS, ...headers };
  const lines = Object.entries(all).flatMap(([field, values]) =>
    (typeof values === 'string' ? [values] : (values ?? [])).map((value) => `${field}: ${value}`),
  );
  return { name, status, answers, bytes: `${[line, ...lines].join('\r\n')}\r\n\r\n` };
}

const UPGRADES = { upgrade: 'websocket', 'sec-websocket-version': '13' };
const PATH = '/ws/updates/channel:handshakes?user=client';

/** Sections 4.2.1 and 4.2.2, and 11.3 where a header may stand twice. */
export const HANDSHAKES: readonly HandshakeCase[] = [
  one(
    'the example of RFC 6455',
    101,
    {},
    {
      'sec-websocket-accept': ACCEPT,
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-protocol': null,
      'sec-websocket-extensions': null,
    },
  ),
  one('small letters', 101, { headers: { Upgrade: 'WEBSOCKET', Connection: 'uPGRADE' } }),
  one('more than one token', 101, {
    headers: { Connection: 'keep-alive, Upgrade', Upgrade: 'h2c, websocket' },
  }),
  one('two lines Connection', 101, { headers: { Connection: ['keep-alive', 'Upgrade'] } }),
  one('two lines Upgrade', 101, { headers: { Upgrade: ['h2c', 'websocket'] } }),
  one('white space around the values', 101, {
    headers: { Connection: ' \t Upgrade \t', 'Sec-WebSocket-Version': '  13  ' },
  }),
  one('an Origin of its own host', 101, { headers: { Origin: 'http://parlor' } }),
  one('headers that nobody knows', 101, { headers: { 'Sec-WebSocket-Colour': 'red', 'X-Any': 'thing' } }),
  one(
    'an extension that is not spoken here',
    101,
    {
      headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' },
    },
    { 'sec-websocket-extensions': null },
  ),
  one(
    'two lines of extensions',
    101,
    {
      headers: { 'Sec-WebSocket-Extensions': ['permessage-deflate', 'x-other'] },
    },
    { 'sec-websocket-extensions': null },
  ),
  one(
    'the subprotocol',
    101,
    { headers: { 'Sec-WebSocket-Protocol': 'parlor.v1' } },
    {
      'sec-websocket-protocol': 'parlor.v1',
    },
  ),
  one(
    'the subprotocol among others',
    101,
    { headers: { 'Sec-WebSocket-Protocol': 'mqtt, parlor.v1' } },
    {
      'sec-websocket-protocol': 'parlor.v1',
    },
  ),
  one(
    'the subprotocol in the second line',
    101,
    {
      headers: { 'Sec-WebSocket-Protocol': ['mqtt', 'parlor.v1'] },
    },
    { 'sec-websocket-protocol': 'parlor.v1' },
  ),
  one(
    'other subprotocols only',
    101,
    { headers: { 'Sec-WebSocket-Protocol': 'mqtt' } },
    {
      'sec-websocket-protocol': null,
    },
  ),
  one('no Upgrade', 426, { headers: { Upgrade: null } }, UPGRADES),
  one('another protocol in Upgrade', 426, { headers: { Upgrade: 'h2c' } }, UPGRADES),
  one('no Connection', 400, { headers: { Connection: null } }),
  one('a Connection that does not name Upgrade', 400, { headers: { Connection: 'close' } }),
  one('no key', 400, { headers: { 'Sec-WebSocket-Key': null } }),
  one('an empty key', 400, { headers: { 'Sec-WebSocket-Key': '' } }),
  one('a key of 15 bytes', 400, { headers: { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAA' } }),
  one('a key that is no base64', 400, { headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ_==' } }),
  one('two keys', 400, { headers: { 'Sec-WebSocket-Key': [KEY, 'x3JJHMbDL1EzLkh9GBhXDw=='] } }),
  one('the same key twice', 400, { headers: { 'Sec-WebSocket-Key': [KEY, KEY] } }),
  one('no version', 426, { headers: { 'Sec-WebSocket-Version': null } }, UPGRADES),
  one('a version of the drafts', 426, { headers: { 'Sec-WebSocket-Version': '8' } }, UPGRADES),
  one('a version that is not a number', 426, { headers: { 'Sec-WebSocket-Version': 'thirteen' } }, UPGRADES),
  one('version 013', 426, { headers: { 'Sec-WebSocket-Version': '013' } }, UPGRADES),
  one('several versions', 426, { headers: { 'Sec-WebSocket-Version': '13, 8' } }, UPGRADES),
  one('two lines of versions', 426, { headers: { 'Sec-WebSocket-Version': ['13', '8'] } }, UPGRADES),
  one('no Host', 400, { headers: { Host: null } }),
  one('two hosts', 400, { headers: { Host: ['parlor', 'x'] } }),
  one('a POST', 405, { line: `POST ${PATH} HTTP/1.1`, headers: { 'Content-Length': '0' } }),
  one('a method that does not exist', 400, { line: `OPEN ${PATH} HTTP/1.1` }),
  one('HTTP/1.0', 505, { line: `GET ${PATH} HTTP/1.0` }),
  one('HTTP/2.0', 505, { line: `GET ${PATH} HTTP/2.0` }),
  one('no version of HTTP', WITHOUT_VERSION, { line: `GET ${PATH}` }),
  one('an address without a room', 101, { line: 'GET /ws/updates/ HTTP/1.1' }),
  one('an address that is not for WebSockets', 404, { line: 'GET /elsewhere HTTP/1.1' }),
];
