import fc from 'fast-check';

/** Characters that cannot be seen. */
export const HIDDEN = [
  '\u00ad',
  '\u200b',
  '\u200d',
  '\u200e',
  '\u202e',
  '\u2060',
  '\u2066',
  '\ufe0f',
  '\u3164',
  '\u{e0041}',
];
const pieces = fc.array(
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 4 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom(...HIDDEN, ' ', '.', 'e\u0301', '\u212b', '\u1112\u1161\u11ab', '\u0958', '\u2800', 'a'),
  ),
  { maxLength: 12 },
);
/** What names and texts may be made of, and what they may not. */
export const wild = pieces.map((all) => all.join(''));
