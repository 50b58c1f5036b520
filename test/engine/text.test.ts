import t from 'tap';
import fc from 'fast-check';
import { Type } from '@sinclair/typebox';
import { UserName, Uuid } from '../../engine/messages/fields.js';
import { speller } from '../../engine/messages/spelling.js';
import { newId } from '../../engine/ids.js';
import { addressFault } from '../../engine/text/address.js';
import { idFault, idOf, idOfKey } from '../../engine/text/message-ids.js';
import { nameOf, userFault } from '../../engine/text/names.js';
import { WHOLE_PATTERN, wholeOf } from '../../engine/text/numbers.js';
import { textFault } from '../../engine/text/texts.js';
import { fromUtf8, withoutMark } from '../../engine/text/utf8.js';
import { showsNothing } from '../../engine/text/visible.js';
import { HIDDEN, wild } from '../support/wild-text.js';

const RUNS = { numRuns: 2_000 };
t.test('a name is one name in whichever of Unicode’s forms it was typed', async (t) => {
  const property = fc.property(wild, (given) => {
    const name = nameOf(given);
    if (nameOf(name) !== name) return false;
    if (!given.isWellFormed()) return userFault(given) !== null;
    const [apart, whole] = [given.normalize('NFD'), given.normalize('NFC')];
    return (
      nameOf(apart) === whole && userFault(apart) === userFault(whole) && userFault(name) === userFault(given)
    );
  });
  t.doesNotThrow(() => fc.assert(property, RUNS));
});

t.test('a name that is taken hides nothing, shows something and has no white space around it', async (t) => {
  const bad = /[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Noncharacter_Code_Point}]/u;
  const property = fc.property(wild, (given) => {
    if (userFault(given) !== null) return true;
    const name = nameOf(given);
    const count = Array.from(name).length;
    return !bad.test(name) && !showsNothing(name) && name.trim() === name && count >= 1 && count <= 64;
  });
  t.doesNotThrow(() => fc.assert(property, RUNS));
  for (const hidden of HIDDEN) t.match(userFault(`a${hidden}b`), /U\+[0-9A-F]{4,5}, which cannot be seen/);
  for (const fine of ['Ann Lee', 'ann.lee', '...', '李', 'Zoë', 'अमित', 'ابن سينا', '😀', 'a+b', '1', '-'])
    t.equal(userFault(fine), null, fine);
});

t.test(
  'whatever surrounds it, a text with one visible character is taken, and without one it is not',
  async (t) => {
    const blanks = fc
      .array(fc.constantFrom(...HIDDEN, ' ', '\n', '\t', '\u2800', '\u115f', '\u0007', '\u{1d159}'), {
        maxLength: 20,
      })
      .map((all) => all.join(''));
    const visible = fc.constantFrom('a', '~', 'é', '\u0301', '漢', '😀', '\ue000', '．', '\u0600');
    const property = fc.property(blanks, visible, blanks, (before, seen, after) => {
      const nothing = showsNothing(before + after) && textFault(before + after) !== null;
      return nothing && !showsNothing(before + seen + after) && textFault(before + seen + after) === null;
    });
    t.doesNotThrow(() => fc.assert(property, RUNS));
  },
);

t.test('bytes are text exactly where a strict decoder takes them', async (t) => {
  const strict = (bytes: Uint8Array): string | null => {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      return null;
    }
  };
  const some = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(`\ufeff${text}`)),
    fc.string({ unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text))),
  );
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(some, (bytes) => fromUtf8(bytes) === strict(bytes)),
      RUNS,
    ),
  );
  t.equal(withoutMark('\ufeff\ufeffa'), '\ufeffa', 'only one mark is a mark');
  t.equal(withoutMark(''), '');
});

t.test('an address is read if it is percent-encoded UTF-8, whatever it says', async (t) => {
  const any = fc.string({ unit: 'binary' }).map((text) => encodeURIComponent(text));
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(any, (sent) => addressFault(sent) === null),
      RUNS,
    ),
  );
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 6 });
  const property = fc.property(bytes, (some) => {
    const sent = Array.from(some, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    return (addressFault(sent) === null) === (fromUtf8(some) !== null);
  });
  t.doesNotThrow(() => fc.assert(property, RUNS));
  for (const sent of ['user=Ren\u00e9', 'a b', 'a\u0085', '%', '%4', '%zz', 'a=%E9'])
    t.type(addressFault(sent), 'string', sent);
  for (const sent of ['', undefined, 'user=Ann+Lee&since=3', '%F0%9F%98%80'])
    t.equal(addressFault(sent), null);
});

t.test('a number is read if JavaScript writes it with the same digits and knows the next one', async (t) => {
  const numbers = fc.oneof(
    fc.maxSafeNat(),
    fc.bigInt({ min: 0n }),
    fc.bigInt({ min: 2n ** 53n - 9n, max: 2n ** 53n + 9n }),
  );
  const property = fc.property(numbers, (number) => {
    const isSafe = BigInt(number) <= BigInt(Number.MAX_SAFE_INTEGER);
    return wholeOf(String(number)) === (isSafe ? Number(number) : null);
  });
  t.doesNotThrow(() => fc.assert(property, RUNS));
  for (const none of ['', '-1', '+1', '01', '1.0', '1e3', ' 1', '1\n', '0x1', '١'])
    t.equal(wholeOf(none), null, JSON.stringify(none));
});

t.test('an id is one id in either case, and a key in quotation marks is the id in them', async (t) => {
  const property = fc.property(fc.uuid(), (id) => {
    const ID = id.toUpperCase();
    return (
      [idOf(id), idOf(ID), idOfKey(ID), idOfKey(`"${ID}"`)].every((same) => same === id) &&
      idFault(ID) === null
    );
  });
  t.doesNotThrow(() => fc.assert(property, RUNS));
  const others = fc.property(fc.string(), (text) => idOf(text) === text && idFault(idOfKey(text)) !== null);
  t.doesNotThrow(() => fc.assert(others, RUNS));
});

t.test('spelling changes nothing that is right already, and never the object it was given', async (t) => {
  const spell = speller(
    Type.Object({
      id: Uuid,
      user: Type.Union([UserName, Type.Null()]),
      text: Type.String(),
      key: Type.Optional(Uuid),
    }),
  );
  const right = Object.freeze({ id: newId(), user: 'alice', text: 'ABC' });
  t.equal(spell(right), right);
  t.equal(spell(Object.freeze({ ...right, user: null })).user, null);
  const ID = 'ABCDEF00-7B3C-7D4E-8F5A-6B7C8D9E0F1A';
  const given = Object.freeze({ id: ID, user: 'Rene\u0301', text: ID, key: ID });
  const id = ID.toLowerCase();
  t.same(spell(given), { id, user: 'Ren\u00e9', text: ID, key: id });
});

t.test('what a document says of whole numbers is what is taken as one', (t) => {
  const pattern = new RegExp(`^(?:${WHOLE_PATTERN})$`);
  const near = fc.bigInt({ min: 0n, max: 2n ** 54n }).map(String);
  const digits = fc.stringMatching(/^[0-9]{0,18}$/);
  const written = fc.oneof(
    near,
    digits,
    fc.constantFrom('9007199254740991', '9007199254740992', '-1', '1.0'),
  );
  fc.assert(
    fc.property(written, (text) => pattern.test(text) === (wholeOf(text) !== null)),
    RUNS,
  );
  t.end();
});
