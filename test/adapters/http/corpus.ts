/** One conversation: what is sent, in which segments, and the method each expected answer belongs to. */
export interface Case {
  readonly name: string;
  readonly parts: readonly string[];
  readonly methods: readonly string[];
}

const HOST = 'Host: chat.example:8000';

/** A request as bytes, one character a byte. */
export function request(line: string, headers: readonly string[] = [], body = ''): string {
  const [method = 'GET', path = '/'] = line.split(' ');
  const length = body && !headers.some((header) => /^(content-length|transfer-encoding):/i.test(header));
  const lines = [
    `${method} ${path} HTTP/1.1`,
    HOST,
    ...headers,
    ...(length ? [`Content-Length: ${body.length}`] : []),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const JSON_TYPE = 'Content-Type: application/json';
const BYTES_TYPE = 'Content-Type: application/octet-stream';
const CHUNKED = 'Transfer-Encoding: chunked';

function one(line: string, headers: readonly string[] = [], body = ''): Case {
  const name = [
    line,
    ...headers.map((header) => `[${header.slice(0, 50)}]`),
    body ? `${body.length} bytes` : '',
  ]
    .join(' ')
    .trim();
  return { name, parts: [request(line, headers, body)], methods: [line.split(' ')[0] ?? 'GET'] };
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

const simple: readonly Case[] = [
  'GET /echo',
  'HEAD /echo',
  'DELETE /echo',
  'OPTIONS /echo',
  'PATCH /echo',
  'PUT /echo',
  'POST /echo',
  'GET /text',
  'HEAD /text',
  'GET /unicode',
  'GET /surrogate',
  'GET /empty',
  'HEAD /empty',
  'GET /empty-string',
  'GET /null',
  'GET /buffer',
  'GET /slice',
  'GET /big',
  'HEAD /big',
  'GET /big-buffer',
  'GET /cookies',
  'GET /many-values',
  'GET /latin1-text',
  'GET /latin1-bytes',
  'GET /status/200',
  'GET /status/201',
  'GET /status/204',
  'GET /status/304',
  'HEAD /status/304',
  'GET /status/404',
  'GET /status/418',
  'GET /status/500',
  'GET /status/599',
  'GET /no-content',
  'HEAD /no-content',
  'GET /not-modified',
  'GET /not-modified-length',
  'GET /redirect',
  'GET /close',
  'GET /async',
  'GET /early-hints',
  'GET /nowhere',
  'POST /nowhere',
  'PROPFIND /echo',
  'TRACE /echo',
  'GET /raw/end',
  'GET /raw/status-message',
  'HEAD /raw/status-message',
  'GET /raw/array-head',
  'GET /raw/merged-head',
  'GET /raw/writes',
  'HEAD /raw/writes',
  'GET /raw/fixed-writes',
  'GET /raw/fixed-head-first',
  'GET /raw/chunked',
  'GET /raw/removed',
  'GET /raw/callbacks',
  'GET /raw/second-end',
  'GET /raw/no-content-body',
  'GET /stream/numbers',
  'HEAD /stream/numbers',
  'GET /stream/typed',
  'GET /stream/empty',
  'GET /stream/sized',
  'HEAD /stream/sized',
  'GET /stream/large',
  'GET /stream/web',
  'GET /stream/response',
  'GET /stream/pipeline',
  'GET /stream/error-before',
  'GET /throw',
  'GET /reject',
  'GET /crlf-raw',
  'GET /too-late',
  'GET /bad-chunk',
].map((line) => one(line));

const urls: readonly Case[] = [
  'GET /echo?',
  'GET /echo?a=1&a=2&b',
  'GET /echo?a=%20%2B+c',
  'GET /echo?a=%',
  'GET /echo?a=%zz&b=%E4',
  'GET /echo?%E6%BC%A2=%E5%AD%97',
  'GET /echo?a=b=c&&=d',
  'GET /echo?__proto__=1&constructor=2',
  'GET /echo/%2Fslash%2f',
  'GET /echo/%E6%BC%A2%E5%AD%97',
  'GET /echo/%zz',
  'GET /echo/%',
  'GET /echo/a%00b',
  'GET /echo/a+b;c=d',
  'GET //echo',
  'GET /echo/',
  'GET /echo/../text',
  'GET /echo/\'"<>\\^`{|}',
  'GET /ECHO',
  `GET /echo/${'y'.repeat(300)}`,
  `GET /echo?long=${'x'.repeat(6000)}`,
  'GET /echo?a[]=1&a[b]=2',
].map((line) => one(line));

const headers: readonly Case[] = [
  one('GET /echo', ['X-A: 1', 'X-A: 2', 'x-a: 3']),
  one('GET /echo', ['Cookie: a=1', 'Cookie: b=2']),
  one('GET /echo', ['Set-Cookie: a', 'Set-Cookie: b']),
  one('GET /echo', [
    'Accept: a',
    'Accept: b',
    'Accept-Encoding: gzip',
    'Accept-Encoding: br',
    'Cache-Control: a',
    'Cache-Control: b',
  ]),
  one('GET /echo', [
    'Age: 1',
    'Age: 2',
    'Authorization: a',
    'Authorization: b',
    'ETag: 1',
    'ETag: 2',
    'Expires: 1',
    'Expires: 2',
  ]),
  one('GET /echo', [
    'From: a',
    'From: b',
    'If-Modified-Since: a',
    'If-Modified-Since: b',
    'If-Unmodified-Since: a',
    'If-Unmodified-Since: b',
  ]),
  one('GET /echo', [
    'Last-Modified: a',
    'Last-Modified: b',
    'Location: a',
    'Location: b',
    'Max-Forwards: 1',
    'Max-Forwards: 2',
  ]),
  one('GET /echo', [
    'Proxy-Authorization: a',
    'Proxy-Authorization: b',
    'Referer: a',
    'Referer: b',
    'Retry-After: 1',
    'Retry-After: 2',
  ]),
  one('GET /echo', [
    'Server: a',
    'Server: b',
    'User-Agent: a',
    'User-Agent: b',
    'Origin: a',
    'Origin: b',
    'Vary: a',
    'Vary: b',
  ]),
  one('GET /echo', [
    'If-Match: a',
    'If-Match: b',
    'X-Forwarded-For: 1.1.1.1',
    'X-Forwarded-For: 2.2.2.2',
    'Date: a',
    'Date: b',
  ]),
  one('GET /echo', ['Content-Type: text/plain', 'Content-Type: text/html']),
  one('GET /echo', ['X-Empty:', 'X-Spaces:    a b   ']),
  one('GET /echo', ['X-Utf8: a\xc3\xa9b']),
  one('GET /echo', ['constructor: 2', 'toString: 3', 'valueOf: 4']),
  one('GET /echo', [`X-Long: ${'v'.repeat(6000)}`]),
  one(
    'GET /echo',
    Array.from({ length: 40 }, (_, at) => `X-${at}: ${at}`),
  ),
  one('GET /echo', ['Upgrade: h2c', 'Connection: Upgrade']),
  one('GET /echo', ['Accept-Version: 1.0.0']),
  one('GET /echo', ['Connection: close']),
  one('GET /echo', ['Connection: Keep-Alive']),
  one('GET /echo', ['Connection: keep-alive, close']),
  one('HEAD /echo', ['Connection: close']),
  one('GET /no-content', ['Connection: close']),
  one('GET /stream/numbers', ['Connection: close']),
  one('GET /stream/sized', ['Connection: close']),
  one('GET /big', ['Connection: close']),
];

const bodies: readonly Case[] = [
  one('POST /echo', [JSON_TYPE], '{"a":[1,2,{"b":null}]}'),
  one('PUT /echo', [JSON_TYPE], '"text"'),
  one('DELETE /echo', [JSON_TYPE], '{"a":1}'),
  one('POST /echo', [JSON_TYPE], '{"caf\xc3\xa9":"\xe2\x98\x83"}'),
  one('POST /echo', [JSON_TYPE], '{broken'),
  one('POST /echo', [JSON_TYPE, 'Content-Length: 0']),
  one('POST /echo', ['Content-Type: text/plain'], 'just text'),
  one('POST /echo', [BYTES_TYPE], '\x00\x01\xfe\xff'),
  one('POST /echo', ['Content-Type: image/png'], 'nobody parses this'),
  one('POST /echo', [], 'no type at all'),
  one('POST /echo', ['Content-Type: ;;;'], 'not a type'),
  one('POST /echo', [JSON_TYPE], JSON.stringify('x'.repeat(3000))),
  one('POST /body/schema', [JSON_TYPE], '{"name":"x"}'),
  one('POST /body/schema', [JSON_TYPE], '{"nom":"x"}'),
  one('POST /body/late', [JSON_TYPE], '{"late":true}'),
  one('POST /echo', [JSON_TYPE, CHUNKED], chunk('{"a":') + chunk('1}') + '0\r\n\r\n'),
  one('POST /echo', [JSON_TYPE, CHUNKED], '0\r\n\r\n'),
  one('POST /echo', [JSON_TYPE, 'Transfer-Encoding: Chunked'], chunk('[1]') + '0\r\n\r\n'),
  one('POST /echo', [JSON_TYPE, 'Transfer-Encoding: gzip, chunked'], chunk('[1]') + '0\r\n\r\n'),
  one('GET /echo', [JSON_TYPE], '{"body":"of a GET"}'),
  ...['piped', 'iterated', 'encoded', 'paused', 'readable', 'ignored'].flatMap((route) => [
    one(`POST /body/${route}`, ['Content-Type: application/x-stream'], 'some bytes of a body'),
    one(
      `POST /body/${route}`,
      ['Content-Type: application/x-stream', CHUNKED],
      chunk('some ') + chunk('chunks') + '0\r\n\r\n',
    ),
  ]),
  one('POST /body/iterated', ['Content-Type: application/x-stream', 'Content-Length: 0']),
];

const conversations: readonly Case[] = [
  {
    name: 'a body in three segments',
    parts: [request('POST /echo', [JSON_TYPE, 'Content-Length: 13']), '{"in":"p', 'ar"}x'.slice(0, 4) + ' '],
    methods: ['POST'],
  },
  {
    name: 'a head in two segments',
    parts: ['GET /echo?cut HTTP/1.1\r\nHost: a\r\nX-Cu', 't: yes\r\n\r\n'],
    methods: ['GET'],
  },
  {
    name: 'ten keep-alive requests, pipelined',
    parts: [Array.from({ length: 10 }, (_, at) => request(`GET /echo?${at}`)).join('')],
    methods: Array<string>(10).fill('GET'),
  },
  {
    name: 'pipelined posts',
    parts: [
      Array.from({ length: 5 }, (_, at) => request('POST /echo', [JSON_TYPE], `{"at":${at}}`)).join(''),
    ],
    methods: Array<string>(5).fill('POST'),
  },
  {
    name: 'pipelined requests of every kind',
    parts: [
      request('HEAD /text') +
        request('GET /no-content') +
        request('POST /echo', [JSON_TYPE], '{}') +
        request('GET /raw/writes') +
        request('GET /text'),
    ],
    methods: ['HEAD', 'GET', 'POST', 'GET', 'GET'],
  },
  {
    name: 'a GET with a body, then another request',
    parts: [request('GET /text', [], 'unread') + request('GET /echo?next')],
    methods: ['GET', 'GET'],
  },
  {
    name: 'HEAD, 204 and 304 leave the connection usable',
    parts: [
      request('HEAD /big') +
        request('GET /no-content') +
        request('GET /not-modified-length') +
        request('HEAD /stream/sized') +
        request('GET /text'),
    ],
    methods: ['HEAD', 'GET', 'GET', 'HEAD', 'GET'],
  },
  {
    name: 'an unread body, then another request',
    parts: [
      request('POST /body/ignored', ['Content-Type: application/x-stream'], 'z'.repeat(2000)) +
        request('GET /echo?next'),
    ],
    methods: ['POST', 'GET'],
  },
  {
    name: 'expect: 100-continue',
    parts: [request('POST /echo', [JSON_TYPE, 'Expect: 100-continue', 'Content-Length: 7']), '{"a":1}'],
    methods: ['POST', 'POST'],
  },
  {
    name: 'expect: 100-continue to a route without a body parser',
    parts: [
      request('POST /body/iterated', [
        'Content-Type: application/x-stream',
        'Expect: 100-continue',
        'Content-Length: 3',
      ]),
      'abc' + request('GET /text'),
    ],
    methods: ['POST', 'POST', 'GET'],
  },
  {
    name: 'a body over the bodyLimit, announced',
    parts: [request('POST /echo', [JSON_TYPE], JSON.stringify('x'.repeat(5000)))],
    methods: ['POST'],
  },
  {
    name: 'a body over the bodyLimit, in chunks',
    parts: [
      request(
        'POST /echo',
        [JSON_TYPE, CHUNKED],
        chunk('x'.repeat(3000)) + chunk('x'.repeat(3000)) + '0\r\n\r\n',
      ),
    ],
    methods: ['POST'],
  },
];

/** Whether any request of a conversation has a chunked body: after its answer the bridge closes, node:http does not. */
export function isChunked({ parts }: Case): boolean {
  return /^transfer-encoding:/im.test(parts.join(''));
}

/** A chunked POST that is read in one way by some and in another way by others, and node:http's opinion of it. */
export interface Ambiguous {
  readonly name: string;
  readonly head: readonly string[];
  readonly body: string;
  /** Whether node:http takes it, extension and all. */
  readonly isRight: boolean;
}

const AMBIGUOUS_TEXT = '{"text":"a"}';

/** What smuggles a request past somebody who reads chunks in another way ("funky chunks", CWE-444). */
export const AMBIGUOUS: readonly Ambiguous[] = (
  [
    ['rubbish behind a chunk size', `c garbage\r\n${AMBIGUOUS_TEXT}\r\n0\r\n\r\n`],
    ['a size line that a bare LF ends', `c\n${AMBIGUOUS_TEXT}\r\n0\r\n\r\n`],
    ['data that no CRLF follows', `c\r\n${AMBIGUOUS_TEXT}XX0\r\n\r\n`],
    ['a last chunk without a digit', `c\r\n${AMBIGUOUS_TEXT}\r\n\r\n\r\n`],
    ['a last chunk that no CRLF follows', `c\r\n${AMBIGUOUS_TEXT}\r\n0\r\nXX`],
    ['two transfer-encodings', `c\r\n${AMBIGUOUS_TEXT}\r\n0\r\n\r\n`, [CHUNKED, CHUNKED]],
    ['a chunk extension', `c;a=b\r\n${AMBIGUOUS_TEXT}\r\n0\r\n\r\n`, [CHUNKED], true],
    ['a chunk extension without a value', `c;d\r\n${AMBIGUOUS_TEXT}\r\n0\r\n\r\n`, [CHUNKED], true],
    ['nothing wrong', `c\r\n${AMBIGUOUS_TEXT}\r\n0\r\n\r\n`, [CHUNKED], true],
  ] as const
).map(([name, body, coding = [CHUNKED], isRight = false]) => ({
  ...{ name, body, isRight },
  head: [JSON_TYPE, ...coding],
}));

/** Requests whose answers must be the same, byte for byte. */
export const CORPUS: readonly Case[] = [...simple, ...urls, ...headers, ...bodies, ...conversations];

/** Bytes that are not HTTP, or a trap. Parsers differ; the server must refuse or close, and live. */
export const HOSTILE: readonly Case[] = [
  ['not HTTP at all', 'hello\r\n\r\n'],
  ['a TLS handshake', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03' + '\xab'.repeat(60) + '\r\n\r\n'],
  ['an unknown method', request('FOO /echo')],
  ['a lowercase method', request('get /echo')],
  ['CONNECT', `CONNECT a:80 HTTP/1.1\r\n${HOST}\r\n\r\n`],
  ['no path', `GET HTTP/1.1\r\n${HOST}\r\n\r\n`],
  ['two spaces', `GET  /echo HTTP/1.1\r\n${HOST}\r\n\r\n`],
  ['HTTP/3.7', `GET /echo HTTP/3.7\r\n${HOST}\r\n\r\n`],
  ['no host', 'GET /echo HTTP/1.1\r\nX: y\r\n\r\n'],
  ['two hosts', request('GET /echo', ['Host: second.example'])],
  ['a negative length', request('POST /echo', [JSON_TYPE, 'Content-Length: -1'], '{}')],
  ['a length with a sign', request('POST /echo', [JSON_TYPE, 'Content-Length: +2'], '{}')],
  ['a length in hex', request('POST /echo', [JSON_TYPE, 'Content-Length: 0x2'], '{}')],
  ['an empty length', request('POST /echo', [JSON_TYPE, 'Content-Length:'], '{}')],
  ['a list of lengths', request('POST /echo', [JSON_TYPE, 'Content-Length: 2, 2'], '{}')],
  [
    'a length beyond numbers',
    request('POST /echo', [JSON_TYPE, 'Content-Length: 99999999999999999999'], '{}'),
  ],
  ['two lengths', request('POST /echo', [JSON_TYPE, 'Content-Length: 2', 'Content-Length: 3'], '{}')],
  [
    'a length and chunks',
    request('POST /echo', [JSON_TYPE, 'Content-Length: 2', CHUNKED], chunk('{}') + '0\r\n\r\n'),
  ],
  [
    'chunks and a length',
    request('POST /echo', [JSON_TYPE, CHUNKED, 'Content-Length: 2'], chunk('{}') + '0\r\n\r\n'),
  ],
  ['a coding that is not chunked', request('POST /echo', [JSON_TYPE, 'Transfer-Encoding: gzip'], '{}')],
  [
    'a coding that is almost chunked',
    request('POST /echo', [JSON_TYPE, 'Transfer-Encoding: xchunked'], chunk('{}') + '0\r\n\r\n'),
  ],
  [
    'chunked, and then something',
    request('POST /echo', [JSON_TYPE, 'Transfer-Encoding: chunked, gzip'], chunk('{}') + '0\r\n\r\n'),
  ],
  ['a chunk size that is none', request('POST /echo', [JSON_TYPE, CHUNKED], 'zz\r\n{}\r\n0\r\n\r\n')],
  [
    'a chunk size beyond numbers',
    request('POST /echo', [JSON_TYPE, CHUNKED], 'ffffffffffffffffff\r\n{}\r\n0\r\n\r\n'),
  ],
  ['an expectation nobody knows', request('POST /echo', [JSON_TYPE, 'Expect: 200-maybe'], '{}')],
  ['bytes beyond ASCII in the path', request('GET /\xc3\xa9')],
  ['bytes beyond ASCII in the query', request('GET /echo?\xe9')],
  ['a control character in the path', request('GET /\x01')],
].map(([name = '', bytes = '']) => ({ name, parts: [bytes], methods: ['GET'] }));

/** Heads that uWS takes for unfinished: it waits, and closes after its time limit. The server must live meanwhile. */
export const UNFINISHED: readonly Case[] = [
  ['a NUL in a header', request('GET /echo', ['X: a\0b'])],
  ['a lone CR in a header', request('GET /echo', ['X: a\rb'])],
  ['a folded header', request('GET /echo', ['X: a', ' b'])],
  ['a space before the colon', request('GET /echo', ['X : a'])],
  [
    '200 headers',
    request(
      'GET /echo',
      Array.from({ length: 200 }, (_, at) => `X-${at}: a`),
    ),
  ],
  ['a head that stops', 'GET /echo HTTP/1.1\r\nHost: a\r\nX-'],
].map(([name = '', bytes = '']) => ({ name, parts: [bytes], methods: ['GET'] }));
