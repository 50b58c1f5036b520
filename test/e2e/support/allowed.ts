import fc from 'fast-check';
import { wild } from '../../support/wild-text.js';
import { schemaFault, type Schema } from './json-schema.js';

/** Values that a schema of our documents allows. Throws at a schema that it cannot make values for. */
export function allowed(schema: Schema): fc.Arbitrary<unknown> {
  const { anyOf, enum: names, type } = schema;
  if (Array.isArray(anyOf)) return fc.oneof(...(anyOf as Schema[]).map(allowed));
  if (Array.isArray(names)) return fc.constantFrom(...(names as unknown[]));
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return allowedIntegers(Number(schema['minimum'] ?? 0), Number(schema['maximum']));
    case 'string':
      return allowedTexts(schema);
    case 'object':
      return allowedObjects(schema);
    default:
      throw new Error(`no values are made for ${JSON.stringify(schema)}`);
  }
}

/** Often small ones, as sequences of a room are, and those at the ends. */
function allowedIntegers(min: number, max: number): fc.Arbitrary<number> {
  return fc.oneof(fc.integer({ min, max: Math.min(max, min + 9) }), fc.integer({ min, max }));
}

/** What is in the description only: how long a name may be is counted in NFC. */
function fitsInNfc(text: string, most: unknown): boolean {
  return typeof most !== 'number' || Array.from(text.normalize('NFC')).length <= most;
}

function allowedTexts(schema: Schema): fc.Arbitrary<string> {
  const { pattern, maxLength, format } = schema;
  if (format === 'date-time')
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') })
      .map((date) => date.toISOString());
  if (typeof pattern !== 'string') throw new Error('a text without a pattern');
  // Of letters of all scripts; the ones of ASCII are made by the pattern itself, of which fast-check knows no look ahead.
  const candidates = /\\[ps]/.test(pattern)
    ? fc.oneof(wild, padded, fc.string({ unit: 'grapheme', maxLength: 64 }))
    : fc.stringMatching(new RegExp(pattern.replaceAll(/\(\?[!=][^)]*\)/g, '')));
  return candidates.filter((text) => schemaFault(schema, text) === null && fitsInNfc(text, maxLength));
}

/** As long as texts may be, with white space around. */
const padded = fc
  .tuple(fc.stringMatching(/^\s{0,9}$/), fc.constantFrom('a', '語', '😀'), fc.integer({ min: 1, max: 2_049 }))
  .map(([space, letter, count]) => `${space}${letter.repeat(count)}${space}`);

function allowedObjects(schema: Schema): fc.Arbitrary<unknown> {
  const fields = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Schema>>);
  return fc
    .record(Object.fromEntries(fields.map(([name, field]) => [name, allowed(field)])), {
      requiredKeys: (schema['required'] ?? []) as string[],
    })
    .filter((value) => schemaFault(schema, value) === null);
}
