import { isDeepStrictEqual } from 'node:util';
import t from 'tap';
import fc from 'fast-check';
import {
  ackFrame,
  decodeFrame,
  errorFrame,
  eventFrame,
  queuedFrame,
  welcomeFrame,
} from '../../engine/codec.js';
import { ERROR_CODES } from '../../engine/errors.js';
import { checker } from '../../engine/messages/check.js';
import { isDurable, isQuiet, type RoomEvent } from '../../engine/messages/events.js';
import { SERVER_FRAMES } from '../../engine/messages/frames.js';
import { toMessage } from '../../engine/messages/message.js';
import { view } from '../../engine/room/facts.js';
import { textFault } from '../../engine/text/texts.js';
import { wild } from '../support/wild-text.js';
import { at, eventsOf, live, lives, uuid } from './room/script.js';

const checks = new Map(Object.entries(SERVER_FRAMES).map(([type, schema]) => [type, checker(schema)]));

/** What is wrong with a frame of ours, or null. */
function frameFault(text: string): string | null {
  const frame: unknown = JSON.parse(text);
  const type = typeof frame === 'object' && frame !== null && 'type' in frame ? String(frame.type) : '';
  const check = checks.get(type);
  if (!check) return `${type} is no type of frame`;
  const faults = check(frame);
  return faults ? `${text}: ${JSON.stringify(faults)}` : null;
}

t.test('a message frame is what JSON.stringify would make of it, whatever is in its text', async (t) => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom(
        '"',
        '\\',
        '\n',
        '\u0000',
        '\u007f',
        '\u2028',
        '\ud83d',
        'ü',
        '😀',
        ' ',
        'a',
        ']',
        '[',
      ),
    }),
  );
  const property = fc.property(texts, fc.option(texts), fc.nat(), (text, user, seq) => {
    const event = {
      type: 'message_posted',
      event_id: uuid(1),
      room_id: 'r',
      seq,
      at: '2026-01-01T00:00:00.000Z',
      user,
      text,
    } as const;
    return eventFrame(event) === JSON.stringify({ type: 'message', ...toMessage(event) });
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
});

t.test('whatever text a client sends, it is a frame or a fault, never a crash', async (t) => {
  const property = fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
    const decoded = decodeFrame(text);
    return 'frame' in decoded || decoded.fault.length > 0;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
  t.match(decodeFrame('['.repeat(1_000_000)), { fault: /JSON/ });
});

t.test('whatever is in a frame, what comes back fits the schema of an error frame', async (t) => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('post', 'typing', 'toString', '__proto__', 'x'.repeat(64)),
  );
  const wild = fc.dictionary(fc.constantFrom('type', 'text', 'id', 'x', '__proto__', 'constructor'), value);
  const property = fc.property(wild, fc.constantFrom('post', 'typing'), (fields, type) => {
    for (const text of [JSON.stringify(fields), JSON.stringify({ ...fields, type })]) {
      const decoded = decodeFrame(text);
      if ('frame' in decoded) continue;
      const wrong = frameFault(errorFrame('bad_request', decoded.fault, decoded.id));
      if (wrong !== null) throw new Error(wrong);
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
});

t.test('a right frame is taken as it is', async (t) => {
  t.same(decodeFrame('{"type":"typing"}'), { frame: { type: 'typing' } });
  t.same(decodeFrame('{"type":"post","text":" a "}'), { frame: { type: 'post', text: ' a ' } });
  const frame = { type: 'post', text: '😀'.repeat(2048), id: uuid(1) };
  t.same(decodeFrame(JSON.stringify(frame)), { frame });
});

t.test('a frame is read as a client wrote it', async (t) => {
  const texts = wild.filter((text) => textFault(text) === null);
  const frames = fc.oneof(
    fc.record(
      { type: fc.constant('post'), text: texts, id: fc.uuid() },
      { requiredKeys: ['type', 'text'], noNullPrototype: true },
    ),
    fc.constantFrom({ type: 'typing' }, { type: 'ping' }),
  );
  const property = fc.property(
    frames,
    fc.constantFrom('', '\ufeff'),
    fc.constantFrom(undefined, 2),
    (frame, mark, space) =>
      isDeepStrictEqual(decodeFrame(mark + JSON.stringify(frame, null, space)), { frame }),
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
});

t.test('a wrong frame is told what is allowed, and which post it was', async (t) => {
  const faultOf = (frame: unknown): string => {
    const decoded = decodeFrame(typeof frame === 'string' ? frame : JSON.stringify(frame));
    return 'fault' in decoded ? decoded.fault : '';
  };
  for (const type of ['welcome', 'toString', '__proto__', '', 1, null, undefined]) {
    t.equal(faultOf({ type }), 'type must be one of "post", "typing", "ping", "refresh"');
  }
  t.match(faultOf('{"type":"post"'), /not JSON/);
  t.match(faultOf([]), /object/);
  t.match(faultOf({ type: 'post', text: 'a', x: 1 }), /x: is not a known field.*type, text, id/);
  t.match(faultOf({ type: 'post' }), /text: is missing/);
  t.match(faultOf({ type: 'post', text: 7 }), /text: expected string/);
  t.match(faultOf({ type: 'post', text: 'a'.repeat(2049) }), /2048/);
  t.match(faultOf({ type: 'post', text: 'a', id: 'nope' }), /id: must be a UUID/);
  t.match(faultOf('{"type":"post","text":"a\\u0000"}'), /NUL/);
  t.match(faultOf('{"type":"post","text":"\\ud800"}'), /surrogate/);
  t.match(decodeFrame(JSON.stringify({ type: 'post', text: '', id: uuid(3) })), { id: uuid(3) });
  t.notOk(
    'id' in decodeFrame(JSON.stringify({ type: 'post', text: '', id: 'x'.repeat(65) })),
    'but no id of any length',
  );
});

t.test(
  'every event of a room’s life has a frame that fits its schema; those with a seq show it',
  async (t) => {
    const wrongWith = (event: RoomEvent): string | null => {
      const text = eventFrame(event);
      const frame = JSON.parse(text) as { seq?: number };
      if (isDurable(event) && frame.seq !== event.seq) return `${event.type} hides its seq`;
      return frameFault(text);
    };
    const property = fc.property(lives, (life) => {
      const moments = live(life);
      for (const event of eventsOf(moments)) {
        const wrong = wrongWith(event);
        if (wrong !== null) throw new Error(wrong);
      }
      for (const [recovered, resume] of [
        [undefined, null],
        [true, 'token'],
        [false, null],
      ] as const) {
        for (const { after } of moments.filter(
          ({ answer }) => answer !== 'wait' && answer?.type === 'joined',
        )) {
          const wrong = frameFault(
            welcomeFrame({
              listener: { id: uuid(1), user: 'ann' },
              room: view(after, at(1)),
              recovered,
              resume,
            }),
          );
          if (wrong !== null) throw new Error(wrong);
        }
      }
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
  },
);

t.test('acks, queued and all errors fit their schemas', async (t) => {
  t.equal(frameFault(ackFrame(uuid(1), 7)), null);
  t.equal(frameFault(queuedFrame(uuid(1))), null);
  for (const code of ERROR_CODES) {
    t.equal(frameFault(errorFrame(code, 'why "so"\n', uuid(1))), null);
    t.match(JSON.parse(errorFrame(code, '')), { code, message: /./ }, 'there is always something to read');
  }
});

t.test('a message is the same on every surface', async (t) => {
  const event = {
    type: 'message_posted' as const,
    event_id: uuid(1),
    room_id: 'r',
    seq: 3,
    at: '2024-01-01T00:00:00.000Z',
    user: null,
    text: 'a',
  };
  const shown = {
    id: uuid(1),
    room_id: 'r',
    seq: 3,
    user: null,
    text: 'a',
    created_at: '2024-01-01T00:00:00.000Z',
  };
  t.same(toMessage(event), shown);
  t.same(JSON.parse(eventFrame(event)), { type: 'message', ...shown });
  t.notOk(isQuiet(event));
  t.ok(isQuiet({ ...event, quiet: true }));
});
