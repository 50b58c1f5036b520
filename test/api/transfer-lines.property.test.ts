import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { LineFault, TransferFault } from '../../api/transfer/fault.js';
import {
  completeLine,
  endLine,
  eventLine,
  parseLine,
  revocationLine,
  roomLine,
} from '../../api/transfer/format.js';
import { readLines } from '../../api/transfer/lines.js';
import { nameOf, userFault } from '../../engine/text/names.js';
import { anyRooms, everything, storeOf } from './transfer-fixture.js';

const RUNS = { numRuns: 1_000 };

function isRefused(text: string): boolean {
  try {
    parseLine(text);
    return false;
  } catch (cause) {
    return cause instanceof LineFault && cause.message !== '';
  }
}

t.test('each line of an export says what it was made of', async (t) => {
  const property = fc.asyncProperty(anyRooms, async (rooms) => {
    for (const { record, events } of await everything(await storeOf(rooms))) {
      for (const line of [
        ...events.map((event) => [event, eventLine(event)] as const),
        [{ type: 'room', version: 1, room: record, first_seq: 1 }, roomLine(record, 1)] as const,
        [
          { type: 'end', room_id: record.room_id, events: 3, head_seq: record.head_seq },
          endLine(record, 3),
        ] as const,
        [{ type: 'complete', rooms: 7 }, completeLine(7)] as const,
        [{ type: 'complete', rooms: 7, revocations: 2 }, completeLine(7, 2)] as const,
      ]) {
        t.same(parseLine(line[1]), line[0]);
      }
    }
  });
  await t.resolves(fc.assert(property, { numRuns: 50 }));
});

t.test('the line of a revocation says what was revoked, or what is wrong with it', async (t) => {
  const time = fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true });
  const who = fc.oneof(
    fc.record({
      user: fc
        .string({ unit: 'binary', minLength: 1, maxLength: 20 })
        .map(nameOf)
        .filter((name) => !userFault(name)),
    }),
    // Not "." and "..", which no address of a revocation can end in.
    fc.record({
      token_id: fc.stringMatching(/^[!-~]{1,128}$/).filter((id) => id !== '.' && id !== '..'),
    }),
  );
  const until = fc.option(time, { nil: undefined });
  const property = fc.property(who, time, until, (about, at, end) => {
    const revoked_at = at.toISOString();
    const revocation = { ...about, revoked_at, ...(end === undefined ? {} : { until: end.toISOString() }) };
    assert.deepEqual(parseLine(revocationLine(revocation)), { type: 'revocation', ...revocation });
  });
  t.doesNotThrow(() => fc.assert(property, RUNS));
  const at = '2024-01-01T00:00:00.000Z';
  for (const wrong of [
    { revoked_at: at },
    { user: 'a', token_id: 'b', revoked_at: at },
    { user: 'a' },
    { user: ' a', revoked_at: at },
    { token_id: 'a b', revoked_at: at },
    { token_id: '.', revoked_at: at },
    { token_id: '..', revoked_at: at },
    { user: 'a', revoked_at: '2024-01-01' },
    { user: 'a', revoked_at: at, until: '2024-01-01T00:00:00+02:00' },
    { user: 'a', revoked_at: at, why: '' },
  ])
    t.ok(isRefused(JSON.stringify({ type: 'revocation', ...wrong })), JSON.stringify(wrong));
});

t.test('whatever a line says, it is one of an export or what is wrong with it is said', async (t) => {
  const types = fc.constantFrom(
    'room',
    'end',
    'complete',
    'revocation',
    'message_posted',
    'room_closed',
    '__proto__',
    'toString',
  );
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .tuple(
        types,
        fc.dictionary(
          fc.constantFrom(
            'room',
            'room_id',
            'seq',
            'at',
            'version',
            'user',
            'token_id',
            'revoked_at',
            'until',
            'x',
          ),
          fc.jsonValue(),
        ),
      )
      .map(([type, fields]) => JSON.stringify({ ...fields, type })),
    fc
      .integer({ min: 1, max: 50_000 })
      .map((deep) => `{"type":"end","room_id":${'['.repeat(deep)}${']'.repeat(deep)}}`),
  );
  const property = fc.property(texts, (text) => {
    try {
      return typeof parseLine(text).type === 'string';
    } catch (cause) {
      return cause instanceof LineFault && cause.message !== '';
    }
  });
  t.doesNotThrow(() => fc.assert(property, RUNS));
});

t.test('whatever bytes a file has, and however they come, the lines are those in it', async (t) => {
  const pieces = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.string({ unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text))),
    ),
    {
      maxLength: 8,
    },
  );
  const property = fc.asyncProperty(pieces, async (chunks) => {
    const all = Buffer.concat(chunks);
    const lines: string[] = [];
    try {
      for await (const { text } of readLines(Readable.from(chunks, { objectMode: true }))) lines.push(text);
    } catch (cause) {
      return (
        cause instanceof TransferFault && /UTF-8/.test(cause.message) && all.toString().includes('\ufffd')
      );
    }
    // A byte order mark in front of a line is not part of it.
    const written = all
      .toString()
      .split('\n')
      .filter((line) => line.trim() !== '');
    return (
      lines.join('\n') ===
      written
        .map((line) => line.replace(/^\ufeff/, ''))
        .filter((line) => line.trim() !== '')
        .join('\n')
    );
  });
  await t.resolves(fc.assert(property, RUNS));
});
