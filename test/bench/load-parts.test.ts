import t from 'tap';
import fc from 'fast-check';
import { frame, frameState, OPCODES, readFrames, type FrameSink } from '../../bench/load/frames.js';
import { roomsOf, seatsFor } from '../../bench/load/layout.js';
import {
  blankMarker,
  findMarker,
  markedCount,
  markedPoster,
  markedTime,
  stamp,
} from '../../bench/load/marker.js';
import { emptyView, note } from '../../bench/load/view.js';
import { SIX } from './loads.js';

/** A frame as servers send them: not masked. */
function served(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? [0x80 | opcode, length]
      : length < 65536
        ? [0x80 | opcode, 126, length >> 8, length & 255]
        : [0x80 | opcode, 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from(head), payload]);
}

const LETTER_AT = 11;
const MESSAGE = '{"type":"message","text":"';
const TAIL = '","created_at":"2026-01-01T00:00:00.000Z"}';

function message(poster: number, count: number, time: number, padding: number): Buffer {
  const text = Buffer.from(`${MESSAGE}${'x'.repeat(padding)}${blankMarker(poster)}${TAIL}`);
  stamp(text, MESSAGE.length + padding, count, time);
  return text;
}

/** What was told of a stream, the unwanted frames by their letter only. */
function listen(wanted: readonly string[]): { sink: FrameSink; told: string[] } {
  const told: string[] = [];
  const table = new Uint8Array(256);
  for (const letter of wanted) table[letter.charCodeAt(0)] = 1;
  const sink: FrameSink = {
    letterAt: LETTER_AT,
    wanted: table,
    onFrame: (letter) => void told.push(`1 ${letter}`),
    onPayload(opcode, letter, bytes, from, to) {
      const at = findMarker(bytes, from, to, TAIL.length);
      const marker =
        at < 0 ? '' : `${markedPoster(bytes, at)} ${markedCount(bytes, at)} ${markedTime(bytes, at)}`;
      told.push(`${opcode} ${letter} ${to - from} ${marker}`);
    },
  };
  return { sink, told };
}

const anyFrame = fc.oneof(
  fc
    .record({
      poster: fc.nat(999_999),
      count: fc.nat(99_999_999),
      time: fc.nat(99_999_999_999_999),
      padding: fc.oneof(fc.nat(200), fc.constantFrom(65_000, 70_000)),
    })
    .map(({ poster, count, time, padding }) => served(OPCODES.text, message(poster, count, time, padding))),
  fc
    .constantFrom(
      '',
      '{}',
      '{"type":"ack"',
      '{"type":"ack","id":"1","seq":2}',
      '{"type":"typing","user":"u"}',
    )
    .map((text) => served(OPCODES.text, Buffer.from(text))),
  fc.constantFrom(OPCODES.ping, OPCODES.close).map((opcode) => served(opcode, Buffer.from([3, 232]))),
);

t.test('however a stream is cut into chunks, the same frames and markers are found in it', async (t) => {
  const property = fc.property(
    fc.array(anyFrame, { minLength: 1, maxLength: 12 }),
    fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.nat(100_000)), { maxLength: 60 }),
    fc.constantFrom([], ['s'], ['s', 'k', 'p']),
    (frames, cuts, wanted) => {
      const stream = Buffer.concat(frames);
      const whole = listen(wanted);
      for (const one of frames) readFrames(frameState(), whole.sink, one, one.length);
      if (whole.told.length !== frames.length) throw new Error(`${whole.told.length} of ${frames.length}`);
      const cut = listen(wanted);
      const state = frameState();
      // As sockets read: into one buffer, which the next read overwrites.
      const shared = Buffer.alloc(stream.length);
      let at = 0;
      for (const length of [...cuts, stream.length]) {
        const copied = stream.copy(shared, 0, at, at + length);
        readFrames(state, cut.sink, shared, copied);
        shared.fill(0xff);
        at += copied;
      }
      t.same(cut.told, whole.told);
      return true;
    },
  );
  fc.assert(property, { numRuns: 400 });
});

t.test('what is written into a marker is read from it, wherever it is', async (t) => {
  const text = Buffer.from(`{"text":"~ and ~${blankMarker(123)}","info":{"user":"u"}}`);
  stamp(text, text.indexOf('~000123'), 4_567, 12_345_678_901_234);
  const at = findMarker(text, 0, text.length, 2);
  t.same(
    [markedPoster(text, at), markedCount(text, at), markedTime(text, at)],
    [123, 4_567, 12_345_678_901_234],
  );
  t.equal(findMarker(Buffer.from('{"text":"no marker"}'), 0, 20, 2), -1);
});

t.test('frames of clients have a mask', async (t) => {
  t.equal((frame(OPCODES.text, Buffer.from('hello'))[1] ?? 0) & 0x80, 0x80);
  t.equal((frame(OPCODES.text, Buffer.alloc(500))[1] ?? 0) & 0x7f, 126);
});

t.test('a reader finds what is lost, doubled and not in order, poster by poster', async (t) => {
  const property = fc.property(
    fc.shuffledSubarray(Array.from({ length: 12 }, (_, i) => i + 1)),
    fc.array(fc.nat(11), { maxLength: 3 }),
    (counts, again) => {
      const view = emptyView(2);
      for (const count of counts) note(view, 1, count);
      const doubles = again.flatMap((i) => counts[i] ?? []);
      for (const count of doubles) note(view, 1, count);
      const late = counts.filter((count, i) => counts.slice(0, i).some((before) => before > count));
      t.match(view, { total: counts.length, doubled: doubles.length, disordered: late.length, foreign: 0 });
      t.equal(view.seen[1], counts.length);
      return true;
    },
  );
  fc.assert(property, { numRuns: 200 });
  const view = emptyView(1);
  t.equal(note(view, 1, 1), false);
  t.equal(view.foreign, 1);
});

t.test(
  'every seat is in one process, and processes have their share of every room and of the posters',
  async (t) => {
    for (const talkEvery of [1, 2, 3]) {
      for (const processes of [1, 2, 3]) {
        const groups = [{ ...SIX, rooms: 12, talkEvery }];
        const plan = {
          ...{ dialect: 'parlor' as const, ports: [1, 2], processes, groups },
          ...{ warmUpMs: 0, seconds: 1, connecting: 1, textBytes: 80 },
        };
        const rooms = roomsOf(plan);
        const shares = Array.from({ length: processes }, (_, self) => seatsFor(plan, rooms, self));
        const seats = shares.flat().map(({ index }) => index);
        t.same(
          seats.sort((a, b) => a - b),
          Array.from({ length: 72 }, (_, i) => i),
        );
        const posters = shares.map((share) => share.filter(({ role }) => role === 'poster').length);
        t.ok(Math.max(...posters) - Math.min(...posters) <= 2, posters.join());
        t.ok(shares.every((share) => share.length === 72 / processes));
      }
    }
  },
);
