/** Nearly every text has one of these, most of them in front, and then nothing else has to be looked at. */
const PLAIN = /[!-~]/;

/**
 * A character that shows something. The others: white space, control characters, what a program that cannot show it
 * shows nothing for (Default_Ignorable_Code_Point: zero width spaces, marks of direction, fillers of Hangul, tags), and
 * those that Unicode counts among letters and symbols though they are blank: braille without dots, the null notehead,
 * blanks and controls of hieroglyphs, the filler of Khitan, anchors of annotations.
 */
export const VISIBLE =
  /(?![\u2800\ufff9-\ufffb\u{13430}-\u{13442}\u{1d159}]|\u{16fe4})[^\p{White_Space}\p{Cc}\p{Default_Ignorable_Code_Point}]/u;

/** Whether there is nothing to be seen in a text. */
export function showsNothing(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first > 0x20 && first < 0x7f) return false;
  return !PLAIN.test(text) && !VISIBLE.test(text);
}
