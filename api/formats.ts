import { USER_MAX, HIDDEN, CONTROL } from '../engine/text/names.js';
import { TEXT_MAX } from '../engine/text/texts.js';
import { VISIBLE } from '../engine/text/visible.js';

/*
 * The engine checks its formats with functions. A document can only give a regular expression, in the dialect of ECMA-262
 * with the flag `u` (JSON Schema, core, section 6.4). These allow what the functions allow; tests compare them.
 */

const HEX = '[0-9a-fA-F]';
/** Versions 1 to 8, and the two ids that have none (RFC 9562 sections 4, 5.9 and 5.10). */
const UUID = [
  `${HEX}{8}-${HEX}{4}-[1-8]${HEX}{3}-[89abAB]${HEX}{3}-${HEX}{12}`,
  '0{8}-0{4}-0{4}-0{4}-0{12}',
  '[fF]{8}-[fF]{4}-[fF]{4}-[fF]{4}-[fF]{12}',
].join('|');

const CHARACTER = '[^\\ud800-\\udfff]';
const STORABLE = '[^\\u0000\\ud800-\\udfff]';
const SHOWS_SOMETHING = `(?=[\\s\\S]*${VISIBLE.source})`;
const HIDES_NOTHING = `(?![\\s\\S]*(?:${CONTROL.source}|${HIDDEN.source}))`;
const TRIMMED = '(?!\\s)(?![\\s\\S]*\\s$)';
const NO_DOTS = '(?!\\.{1,2}$)';
/** The white space around a text is removed and does not count. */
const TEXT = `\\s*${STORABLE}{1,${TEXT_MAX}}\\s*`;

/**
 * The engine's formats as keywords of JSON Schema. One rule cannot be expressed: the length of a name counts in Unicode's
 * form NFC, and a few names become longer when they are converted.
 */
const FORMATS: Readonly<Record<string, object>> = {
  'message-text': { minLength: 1, pattern: `^${SHOWS_SOMETHING}${TEXT}$` },
  'kept-text': { minLength: 1, pattern: `^(?=[\\s\\S]*\\S)${TEXT}$` },
  'user-name': {
    minLength: 1,
    maxLength: USER_MAX,
    pattern: `^${NO_DOTS}${TRIMMED}${HIDES_NOTHING}${SHOWS_SOMETHING}${CHARACTER}*$`,
  },
  'kept-name': { minLength: 1, maxLength: USER_MAX, pattern: `^${STORABLE}*$` },
  uuid: { format: 'uuid', pattern: `^(?:${UUID})$` },
  'idempotency-key': { pattern: `^(?:(?:${UUID})|"(?:${UUID})")$` },
};

/** A copy of a document or schema in which keywords of JSON Schema replace the engine's formats. */
export function documented(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(documented);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, documented(one)]));
  const { format, ...others } = copy;
  const words = typeof format === 'string' ? FORMATS[format] : undefined;
  return words === undefined ? copy : { ...others, ...words };
}
