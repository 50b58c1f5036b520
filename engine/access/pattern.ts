/** No longer than a room id, so that comparing costs little. */
const PATTERN = /^[A-Za-z0-9_.:*-]{1,64}$/;

/** Whether a text is a pattern of room ids: a room id, in which `*` may stand for any characters, also none. */
export function isPattern(text: string): boolean {
  return PATTERN.test(text);
}

const STAR = '*'.charCodeAt(0);

/**
 * Whether a room id fits a pattern. Not a regular expression: with several stars one of those takes time that grows with
 * the power of their number; this one takes at most (length of the pattern) × (length of the id) steps.
 * By codes, which is faster than texts of one character: each post of a client with a token asks this.
 */
export function matches(pattern: string, roomId: string): boolean {
  let at = 0;
  let next = 0;
  /** Where to go on if the characters after the last star do not fit. */
  let afterStar = -1;
  let skipped = 0;
  while (at < roomId.length) {
    // NaN behind the end, which equals nothing.
    const wanted = pattern.charCodeAt(next);
    if (wanted === STAR) {
      afterStar = ++next;
      skipped = at;
      // The last one takes all that is left.
      if (next === pattern.length) return true;
    } else if (wanted === roomId.charCodeAt(at)) {
      at++;
      next++;
    } else if (afterStar >= 0) {
      next = afterStar;
      at = ++skipped;
    } else return false;
  }
  while (pattern.charCodeAt(next) === STAR) next++;
  return next === pattern.length;
}
