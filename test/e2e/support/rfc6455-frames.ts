import { frameBytes } from './raw.js';
import {
  around,
  binary,
  bytewise,
  close,
  code,
  first,
  halves,
  last,
  more,
  ping,
  pong,
  post,
  postOf,
  scattered,
  text,
  together,
} from './rfc6455-bytes.js';

/** How a connection ends: with a close frame of this code, with one that has no code, or without any. */
export type Ending = 'lives' | 'dropped' | 'closed without a code' | number;

/** What a client sends after the handshake, in pieces that are written one by one, and what comes of it. */
export interface FrameCase {
  readonly name: string;
  readonly pieces: readonly Buffer[];
  readonly ends: Ending;
  /** The texts of the room's messages and the codes of errors that come, in order. */
  readonly told: readonly string[];
  /** The payloads of pongs that come, in order. */
  readonly pongs: readonly string[];
}

type Sent = Buffer | readonly Buffer[];
type Seen = Partial<Pick<FrameCase, 'told' | 'pongs'>>;

function one(name: string, sent: Sent, ends: Ending, { told = [], pongs = [] }: Seen = {}): FrameCase {
  return { name, pieces: Buffer.isBuffer(sent) ? [sent] : sent, ends, told, pongs };
}

const HELLO = post('Hello');
const [HEAD, TAIL] = [HELLO.slice(0, 10), HELLO.slice(10)];
const NUMBERS = Array.from('0123456789');
const HEARD: Seen = { told: ['Hello'] };
const REFUSED: Seen = { told: ['bad_request'] };

/** Section 5.4. */
const FRAGMENTS: readonly FrameCase[] = [
  one('a text in one frame', text(HELLO), 'lives', HEARD),
  one('an empty text', text(''), 'lives', REFUSED),
  one('two frames in one segment', together(text(HELLO), text(post('again'))), 'lives', {
    told: ['Hello', 'again'],
  }),
  one('a frame and a half, and the other half', halves(together(text(HELLO), text(HELLO)), 50), 'lives', {
    told: ['Hello', 'Hello'],
  }),
  one('a frame byte by byte', bytewise(text(HELLO)), 'lives', HEARD),
  one('fragments byte by byte', bytewise(together(first(HEAD), last(TAIL))), 'lives', HEARD),
  one('two fragments', together(first(HEAD), last(TAIL)), 'lives', HEARD),
  one('two fragments, a segment each', [first(HEAD), last(TAIL)], 'lives', HEARD),
  one(
    'fragments of one byte',
    together(first(''), ...Array.from(HELLO, (byte) => more(byte)), last('')),
    'lives',
    HEARD,
  ),
  one('an empty fragment in front', together(first(''), last(HELLO)), 'lives', HEARD),
  one('an empty fragment between', together(first(HEAD), more(''), last(TAIL)), 'lives', HEARD),
  one('an empty fragment behind', together(first(HELLO), last('')), 'lives', HEARD),
  one('nothing but empty fragments', together(first(''), more(''), last('')), 'lives', REFUSED),
  one('a binary frame', binary(HELLO), 'lives', REFUSED),
  one('a binary message in fragments', together(binary('a', { fin: false }), last('b')), 'lives', REFUSED),
  one('a continuation of nothing', last(HELLO), 'dropped'),
  one('the beginning of a continuation of nothing', more(HELLO), 'dropped'),
  one('a continuation behind a whole message', together(text(HELLO), last('x')), 'dropped'),
  one('a text inside of a text', together(first(HEAD), text(HELLO)), 'dropped'),
  one('a text in fragments inside of a text', together(first(HEAD), first(HEAD), last(TAIL)), 'dropped'),
  // These three are forbidden, too, but uWebSockets.js takes such a frame for the end of the text, with what came before it.
  one('a binary frame inside of a text', together(first(HEAD), binary('x')), 'lives', REFUSED),
  one('a text inside of a text, behind a ping', together(first(HEAD), ping('p'), text(TAIL)), 'lives', {
    ...HEARD,
    pongs: ['p'],
  }),
  one('a text inside of a text, behind a pong', together(first(HEAD), pong(), text(HELLO)), 'lives', REFUSED),
];

/** Sections 5.4 and 5.5. */
const CONTROL: readonly FrameCase[] = [
  one('a ping without a payload', ping(), 'lives', { pongs: [''] }),
  one('a ping', ping('are you there?'), 'lives', { pongs: ['are you there?'] }),
  one('a ping of 125 bytes', ping('p'.repeat(125)), 'lives', { pongs: ['p'.repeat(125)] }),
  one('a ping byte by byte', bytewise(ping('slowly')), 'lives', { pongs: ['slowly'] }),
  one('a ping that is no text', ping(Buffer.from([0, 0x7f])), 'lives', { pongs: ['\0\x7f'] }),
  one('ten pings in one segment', together(...NUMBERS.map((n) => ping(n))), 'lives', {
    pongs: NUMBERS,
  }),
  one('a ping between two fragments', together(first(HEAD), ping('p'), last(TAIL)), 'lives', {
    ...HEARD,
    pongs: ['p'],
  }),
  one(
    'pings between all fragments, byte by byte',
    bytewise(together(first(HEAD), ping('1'), ping('2'), more(''), ping('3'), last(TAIL))),
    'lives',
    { ...HEARD, pongs: ['1', '2', '3'] },
  ),
  one('a pong that nobody asked for', pong('why not'), 'lives'),
  one('a pong of 125 bytes', pong('p'.repeat(125)), 'lives'),
  one('a pong between two fragments', together(first(HEAD), pong('p'), last(TAIL)), 'lives', HEARD),
  one('a close between two fragments', together(first(HEAD), close(code(1000)), last(TAIL)), 1000),
  one('a ping of 126 bytes', ping('p'.repeat(126)), 'dropped'),
  one('a ping of 65,536 bytes', ping('p'.repeat(65_536)), 'dropped'),
  one('a ping whose length is in two bytes', ping('p', { lengthBytes: 2 }), 'dropped'),
  one('a pong of 126 bytes', pong('p'.repeat(126)), 'dropped'),
  one('a close of 126 bytes', close(code(1000, 'r'.repeat(124))), 'dropped'),
  one('a ping in fragments', together(ping('a', { fin: false }), last('b')), 'dropped'),
  one('a pong in fragments', together(pong('a', { fin: false }), last('b')), 'dropped'),
  one('a close in fragments', close(code(1000), { fin: false }), 'dropped'),
];

/** Section 5.2: what is reserved ends a connection, as nothing was negotiated that gives it a meaning. */
const RESERVED: readonly FrameCase[] = [
  ...[1, 2, 3, 4, 5, 6, 7].map((reserved) =>
    one(`reserved bits ${reserved.toString(2).padStart(3, '0')}`, text(HELLO, { reserved }), 'dropped'),
  ),
  ...[1, 2, 4].map((reserved) =>
    one(
      `reserved bit ${reserved} of a continuation`,
      together(first(HEAD), frameBytes(TAIL, { opcode: 0, reserved })),
      'dropped',
    ),
  ),
  one('a reserved bit of a ping', ping('p', { reserved: 4 }), 'dropped'),
  one('a reserved bit of a close', close(code(1000), { reserved: 2 }), 'dropped'),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    one(`opcode ${opcode}`, text(HELLO, { opcode }), 'dropped'),
  ),
  one('an opcode to come between two fragments', together(first(HEAD), text('', { opcode: 11 })), 'dropped'),
];

/** Section 5.1: uWebSockets.js takes the mask for granted, and shows no handler whether it is there. */
const MASKS: readonly FrameCase[] = [
  one('a mask of zeros', text(HELLO, { mask: [0, 0, 0, 0] }), 'lives', HEARD),
  one('a mask of ones', text(HELLO, { mask: [255, 255, 255, 255] }), 'lives', HEARD),
  // RFC 6455 wants both of them closed. As the first four bytes are taken for the mask, what is read is rubbish.
  one(
    'a text without a mask',
    together(text('{"ty'.repeat(5), { masked: false }), Buffer.alloc(4, '{')),
    'lives',
    REFUSED,
  ),
  one('a ping without a mask', together(ping('abcd', { masked: false }), Buffer.from('efgh')), 'lives', {
    pongs: ['\x04\x04\x04\x0c'],
  }),
];

const SMILE = [0xf0, 0x9f, 0x98, 0x80];

/** Section 8.1. */
const UTF8: readonly FrameCase[] = [
  one('letters of 1 to 4 bytes', text(post('aé語😀')), 'lives', { told: ['aé語😀'] }),
  one('a letter over four fragments', scattered(around(...SMILE)), 'lives', { told: ['a😀b'] }),
  one('the last letter there is', text(around(0xf4, 0x8f, 0xbf, 0xbf)), 'lives', { told: ['a\u{10ffff}b'] }),
  one('a letter that is none', text(around(0xef, 0xbf, 0xbe)), 'lives', { told: ['a\ufffeb'] }),
  one('a byte order mark in front', text(`\ufeff${HELLO}`), 'lives', HEARD),
  ...(
    [
      ['0xff', [0xff]],
      ['a continuation byte alone', [0x80]],
      ['half a letter', SMILE.slice(0, 2)],
      ['a slash in two bytes', [0xc0, 0xaf]],
      ['a slash in three bytes', [0xe0, 0x80, 0xaf]],
      ['a slash in four bytes', [0xf0, 0x80, 0x80, 0xaf]],
      ['half a surrogate pair', [0xed, 0xa0, 0x80]],
      ['a surrogate pair', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
      ['a letter beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
      ['a letter of five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ] as const
  ).flatMap(([name, bytes]) => [
    one(`no UTF-8: ${name}`, text(around(...bytes)), 'dropped'),
    one(`no UTF-8 over fragments: ${name}`, scattered(around(...bytes)), 'dropped'),
  ]),
  one('a text that ends in half a letter', text(Buffer.from(SMILE.slice(0, 3))), 'dropped'),
  one('a text that begins in half a letter', text(Buffer.from(SMILE.slice(1))), 'dropped'),
];

/** Sections 5.5.1 and 7.4. */
const CLOSES: readonly FrameCase[] = [
  one('a close without a payload', close(), 'closed without a code'),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 4000, 4400, 4999].map((number) =>
    one(`a close with ${number}`, close(code(number)), number),
  ),
  // They are allowed, but uWebSockets.js knows none of them, and answers without a code.
  ...[1012, 1013, 1014, 3000, 3999].map((number) =>
    one(`a close with ${number}`, close(code(number)), 'closed without a code'),
  ),
  // Nobody may send these. RFC 6455 leaves open what they are answered.
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((number) =>
    one(`a close with ${number}, which nobody may send`, close(code(number)), 'closed without a code'),
  ),
  one('a close of one byte', close('x'), 'closed without a code'),
  one('a close with a reason', close(code(1000, 'good bye')), 1000),
  one('a close with a reason of 123 bytes', close(code(1000, 'r'.repeat(123))), 1000),
  one('a close with a reason in another script', close(code(4000, 'さようなら')), 4000),
  one(
    'a close with a reason that is no UTF-8',
    close(code(1000, Buffer.from([0xff]))),
    'closed without a code',
  ),
  one(
    'a close with a reason that ends in half a letter',
    close(code(1000, Buffer.from(SMILE.slice(0, 2)))),
    'closed without a code',
  ),
  one('a close byte by byte', bytewise(close(code(1001, 'bye'))), 1001),
  one('a post in front of a close', together(text(HELLO), close(code(1000))), 1000),
  one('a post behind a close', together(close(code(1000)), text(HELLO)), 1000),
  one('a ping behind a close', together(close(code(1000)), ping('p')), 1000),
  one('two closes', together(close(code(1000)), close(code(1001))), 1000),
];

/** Section 5.2 again; the limits are those of MAX_FRAME_BYTES. */
const LENGTHS: readonly FrameCase[] = [
  ...[125, 126, 127, 65_535, 65_536].map((bytes) =>
    one(`a frame of ${bytes} bytes`, text(postOf(bytes)), 'lives', { told: ['long'] }),
  ),
  ...[125, 126, 65_535, 65_536].map((bytes) =>
    one(`${bytes} bytes in two fragments`, together(first(''), last(postOf(bytes))), 'lives', {
      told: ['long'],
    }),
  ),
  // RFC 6455 allows the shortest form only, but uWebSockets.js reads what is meant.
  one('a length in two bytes that fits into seven bits', text(HELLO, { lengthBytes: 2 }), 'lives', HEARD),
  one('a length in eight bytes that fits into seven bits', text(HELLO, { lengthBytes: 8 }), 'lives', HEARD),
  one('a length in eight bytes that fits into two', text(postOf(300), { lengthBytes: 8 }), 'lives', {
    told: ['long'],
  }),
  one('no bytes, in eight bytes', text('', { lengthBytes: 8 }), 'lives', REFUSED),
  one('one byte more than MAX_FRAME_BYTES', text(postOf(65_537)), 4413, { told: ['payload_too_large'] }),
  one('twice MAX_FRAME_BYTES', text(postOf(131_072)), 4413, { told: ['payload_too_large'] }),
  one('the head of a frame of more than that', text('', { length: 131_073 }), 'dropped'),
  one('fragments of more than that', [first('x'.repeat(100_000)), last('x'.repeat(40_000))], 'dropped'),
  // Its lower half is a length that is allowed.
  one('2³² + 5 bytes', text('abcde', { length: 2 ** 32 + 5 }), 'dropped'),
  one('2⁶² bytes', text('abcde', { length: 2 ** 62 }), 'dropped'),
  one('2⁶³ bytes, which no length may be', text('abcde', { length: 2 ** 63 }), 'dropped'),
  one('the head of a large frame byte by byte', bytewise(text('', { length: 2 ** 40 })), 'dropped'),
];

/** All of it, by section. */
export const FRAME_CASES: Readonly<Record<string, readonly FrameCase[]>> = {
  'fragments (5.4)': FRAGMENTS,
  'control frames (5.5)': CONTROL,
  'what is reserved (5.2)': RESERVED,
  'masks (5.1)': MASKS,
  'UTF-8 (8.1)': UTF8,
  'closing (5.5.1, 7.4)': CLOSES,
  'lengths (5.2)': LENGTHS,
};
