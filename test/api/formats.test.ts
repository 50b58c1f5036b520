import fc from 'fast-check';
import t from 'tap';
import { documented } from '../../api/formats.js';
import { FORMAT_RULES } from '../../engine/messages/fields.js';
import { schemaFault, type Schema } from '../e2e/support/json-schema.js';
import { wild } from '../support/wild-text.js';

const RUNS = { numRuns: 3_000 };

const ids = fc.oneof(
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
  fc.constantFrom('00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
);
const sizes = fc
  .tuple(fc.constantFrom('', ' ', '\u2003', '\ufeff'), fc.constantFrom('a', '語', '😀'))
  .chain(([space, letter]) =>
    fc
      .constantFrom(0, 1, 63, 64, 65, 2_047, 2_048, 2_049)
      .map((count) => `${space}${letter.repeat(count)}${space}`),
  );
const texts = fc.oneof(
  wild,
  wild,
  sizes,
  ids,
  ids.map((id) => `"${id}"`),
  fc.constantFrom('.', '..', '"'),
);

const lengthIn = (text: string): number => Array.from(text).length;

t.test('a document allows what the rules of our formats allow, and nothing else', async (t) => {
  for (const [format, fault] of Object.entries(FORMAT_RULES)) {
    const schema = documented({ type: 'string', format }) as Schema;
    t.notSame(schema, { type: 'string', format }, `${format} is said in words of JSON Schema`);
    const property = fc.property(texts, (text) => {
      // Names are counted in NFC, which no pattern can say.
      if (format === 'user-name' && lengthIn(text) !== lengthIn(text.normalize('NFC'))) return true;
      return (schemaFault(schema, text) === null) === (fault(text) === null);
    });
    t.doesNotThrow(() => fc.assert(property, RUNS), format);
  }
});
