import { seededRandom } from '../support/random.js';

/** Choices that are the same for the same seed. */
export interface Chance {
  /** A whole number from 0 to `n` − 1. */
  below(n: number): number;
  pick<T>(all: readonly T[]): T;
  /** True in this share of cases, 0…1. */
  yes(share: number): boolean;
}

export function chanceOf(seed: number): Chance {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  return {
    below,
    pick(all) {
      if (all.length === 0) throw new Error('there is nothing to pick from');
      return all[below(all.length)] as (typeof all)[number];
    },
    yes: (share) => random() < share,
  };
}

/** A seed for each input, so that it can be made again without those before it. */
export function mixed(...parts: readonly number[]): number {
  return parts.reduce((hash, part) => Math.imul(hash ^ part, 0x01000193) >>> 0, 0x811c9dc5);
}

export function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

export function anyBytes(chance: Chance, most: number): Buffer {
  return Buffer.from(times(chance.below(most + 1), () => chance.below(256)));
}

/** Words in which parsers have stumbled before, and a few of our own. */
const WORDS = [
  '',
  ' ',
  'a',
  'alice',
  '42',
  '0',
  '-1',
  '1e999',
  'NaN',
  'null',
  'true',
  '.',
  '..',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  'a\u0000b',
  '\r\n',
  '\ufeff',
  '\u200b',
  '\u202e',
  'e\u0301',
  '😀',
  '語'.repeat(64),
  '\ud800',
  '\udc00x',
  '%00',
  '%zz',
  '%F0%9F',
  "'; DROP TABLE rooms; --",
  '<script>',
  '9007199254740991',
  '9007199254740993',
  '00000000-0000-7000-8000-000000000001',
  '0190A6F2-7B3C-7D4E-8F5A-6B7C8D9E0F1A',
] as const;

/** Any text: a word from the list, or characters of all kinds, half surrogates too; now and then a long one. */
export function anyText(chance: Chance): string {
  if (chance.yes(0.6)) return chance.pick(WORDS);
  if (chance.yes(0.1)) return chance.pick(['x', 'é', '😀', '\n', ' ']).repeat(chance.below(5_000));
  return times(chance.below(20), () => anyCharacter(chance)).join('');
}

function anyCharacter(chance: Chance): string {
  switch (chance.below(4)) {
    case 0:
      return String.fromCharCode(32 + chance.below(95));
    case 1:
      return String.fromCharCode(chance.below(0x10000));
    case 2:
      return String.fromCodePoint(chance.below(0x110000));
    default:
      return chance.pick(['"', '\\', '\n', '\t', '/', '%', '&', '\u007f', '\u2028']);
  }
}

/** Text of JSON with any value in it, also such as JSON.stringify never writes. It need not be well-formed Unicode. */
export function anyJson(chance: Chance, depth = 3): string {
  const kind = chance.below(depth > 0 ? 9 : 6);
  switch (kind) {
    case 0:
      return chance.pick(['null', 'true', 'false']);
    case 1:
      return chance.pick([
        '0',
        '-0',
        '1',
        '-1',
        '1.5',
        '1e3',
        '1e400',
        '-1e-400',
        '123456789012345678901234567890',
      ]);
    case 2:
      return String(chance.below(2 ** 32));
    case 3:
    case 4:
      return JSON.stringify(anyText(chance));
    case 5:
      // Escapes of single units, which JSON.stringify would write for half surrogates only.
      return `"${times(chance.below(6), () => `\\u${chance.below(0x10000).toString(16).padStart(4, '0')}`).join('')}"`;
    case 6:
      return `[${times(chance.below(4), () => anyJson(chance, depth - 1)).join(',')}]`;
    case 7:
      return `{${times(chance.below(4), () => `${JSON.stringify(anyText(chance))}:${anyJson(chance, depth - 1)}`).join(',')}}`;
    default: {
      const deep = chance.below(chance.yes(0.1) ? 20_000 : 20);
      return chance.yes(0.5)
        ? '['.repeat(deep) + ']'.repeat(deep)
        : '{"a":'.repeat(deep) + '1' + '}'.repeat(deep);
    }
  }
}

/** An object as JSON: these fields, of which some are changed, left out, doubled, or joined by others. */
export function bent(chance: Chance, fields: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(fields).flatMap(([name, value]): [string, string][] => {
    const right = JSON.stringify(value);
    if (right === undefined || chance.yes(0.05)) return [];
    if (chance.yes(0.05))
      return [
        [name, right],
        [name, anyJson(chance, 1)],
      ];
    return [[name, chance.yes(0.12) ? anyJson(chance) : right]];
  });
  if (chance.yes(0.08)) pairs.push([anyText(chance), anyJson(chance, 1)]);
  return `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}

/** The same bytes with some of them changed, taken out, doubled, cut off, or strange ones put in. */
export function mutated(chance: Chance, bytes: Buffer): Buffer {
  let out = bytes;
  for (let left = 1 + chance.below(4); left > 0; left--) {
    const at = chance.below(out.length + 1);
    const to = Math.min(out.length, at + 1 + chance.below(8));
    const [before, piece, after] = [out.subarray(0, at), out.subarray(at, to), out.subarray(to)];
    switch (chance.below(6)) {
      case 0:
        out = Buffer.concat([before, piece.map((byte) => byte ^ (1 << chance.below(8))), after]);
        break;
      case 1:
        out = Buffer.concat([before, after]);
        break;
      case 2:
        out = Buffer.concat([before, piece, piece, after]);
        break;
      case 3:
        out = Buffer.concat([before, anyBytes(chance, 8), piece, after]);
        break;
      case 4:
        out = Buffer.concat([before, Buffer.from(anyText(chance)), after]);
        break;
      default:
        if (chance.yes(0.3)) out = before;
    }
  }
  return out;
}

/** The same bytes in up to `most` pieces, cut anywhere. */
export function cut(chance: Chance, bytes: Buffer, most: number): Buffer[] {
  const places = times(chance.below(most), () => chance.below(bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}
