import fc from 'fast-check';
import t from 'tap';
import { decodeFrame, decodeManyFrame } from '../../engine/codec.js';
import { checker } from '../../engine/messages/check.js';
import { RoomId } from '../../engine/messages/fields.js';
import { idOfFrame, plainPost } from '../../engine/refused-frame.js';
import { idOf } from '../../engine/text/message-ids.js';

const roomFaults = checker(RoomId);

/** Ids as clients write them, and what is none. */
const ids = fc.oneof(
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.stringMatching(/^[0-9A-Za-z"\\ -]{0,70}$/),
);
const rooms = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/), fc.string({ unit: 'grapheme' }));
/** Texts that are written without an escape. */
const plainTexts = fc.stringMatching(/^[ -!#-[\]-~ü€]{1,80}$/);
const texts = fc.oneof(
  plainTexts,
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', 'id', '"id":"', ':', ',', '{', '}', ' ', 'ü', '\n', '\\u') }),
);
const value = (strings: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 8, arbitrary: strings }, { weight: 1, arbitrary: fc.jsonValue() });
const field = fc.oneof(
  fc.tuple(fc.constant('type'), value(fc.constantFrom('post', 'typing', 'subscribe', 'other'))),
  fc.tuple(fc.constant('room'), value(rooms)),
  fc.tuple(fc.constant('id'), value(ids)),
  fc.tuple(fc.constant('text'), value(texts)),
  fc.tuple(fc.constantFrom('other', '__proto__', 'say "id', '', '\\u0069d'), value(texts)),
);
/** All fields of a post, in any order. */
const wholePost = fc
  .tuple(ids, rooms, texts)
  .chain(([id, room, text]) =>
    fc.shuffledSubarray(Object.entries({ type: 'post', room, id, text }), { minLength: 4 }),
  );
/** Frames of any fields in any order, the same one more than once perhaps, mostly written without blanks. */
const written = fc
  .tuple(fc.oneof(wholePost, fc.array(field, { maxLength: 6 })), fc.constantFrom('', '', '', ' ', '\n'))
  .map(([fields, blank]) => {
    const parts = fields.map(([name, given]) => `${JSON.stringify(name)}${blank}:${JSON.stringify(given)}`);
    return `{${parts.join(`,${blank}`)}${blank}}`;
  });
/** The same with a piece taken out or put in somewhere, and a few that are nothing of the kind. */
const frames = fc.oneof(
  written,
  fc
    .tuple(
      written,
      fc.nat(),
      fc.nat({ max: 3 }),
      fc.constantFrom('', '"', '\\', ',', ':', '}', '{', 'id', '\u0007'),
    )
    .map(([text, at, length, piece]) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + piece + text.slice(from + length);
    }),
  fc.string({ unit: 'binary' }),
);

t.test('what is found of a plain post is what decoding finds', async (t) => {
  let found = 0;
  fc.assert(
    fc.property(frames, (text) => {
      const post = plainPost(text);
      if (post === null || roomFaults(post.room) !== null) return true;
      found++;
      const decoded = decodeManyFrame(text);
      const about: Readonly<Record<string, unknown>> = 'fault' in decoded ? decoded : decoded.frame;
      return about['type'] === 'post' && about['room'] === post.room && about['id'] === post.id;
    }),
    { numRuns: 20_000 },
  );
  t.ok(found > 200, `${found} were plain`);
});

t.test('every post that JSON.stringify writes without an escape is plain', async () => {
  const plain = fc.record({
    ...{
      room: fc.stringMatching(/^[A-Za-z0-9_:-]{1,64}$/),
      text: plainTexts,
    },
    id: fc.option(fc.uuid(), { nil: undefined }),
    order: fc.shuffledSubarray(['type', 'room', 'text', 'id'] as const, { minLength: 4 }),
  });
  fc.assert(
    fc.property(plain, ({ order, ...post }) => {
      const frame = { type: 'post', ...post };
      const text = JSON.stringify(Object.fromEntries(order.map((name) => [name, frame[name]])));
      const about = plainPost(text);
      return about?.room === post.room && about.id === post.id;
    }),
    { numRuns: 2_000 },
  );
});

const ID_FIELD = /"id"\s*:\s*"([0-9A-Za-z-]{1,64})"/y;

/** As `idOfFrame`, in fewer words. */
function slowIdOf(text: string): string | undefined {
  const at = text.indexOf('"id"');
  if (at < 0 && !text.includes('\\u')) return undefined;
  ID_FIELD.lastIndex = at;
  const plain = at < 0 ? undefined : ID_FIELD.exec(text)?.[1];
  if (plain !== undefined) return idOf(plain);
  const decoded = decodeFrame(text);
  return 'frame' in decoded && 'id' in decoded.frame ? decoded.frame.id : undefined;
}

t.test('the id of a post to one room is the one that an expression finds', async () => {
  fc.assert(
    fc.property(frames, (text) => idOfFrame(text) === slowIdOf(text)),
    { numRuns: 20_000 },
  );
});
