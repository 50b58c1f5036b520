/** A part of a list, as high as it was when last seen, or is guessed to be. */
export interface Part {
  readonly key: string;
  readonly height: number;
}

/** A place in a list that holds when something changes above: so many pixels below the top of a part. */
export interface Anchor {
  readonly key: string;
  readonly offset: number;
}

/** Which parts are drawn, from `first` until before `end`, and how high the space is that stands for the others. */
export interface Drawn {
  readonly first: number;
  readonly end: number;
  readonly above: number;
  readonly below: number;
}

/** How far the top of a part is below the top of the list; null: there is no such part. */
export function topOf(parts: readonly Part[], key: string): number | null {
  let top = 0;
  for (const part of parts) {
    if (part.key === key) return top;
    top += part.height;
  }
  return null;
}

/** The place at this distance from the top of the list. */
export function anchorAt(parts: readonly Part[], distance: number): Anchor | null {
  let top = 0;
  for (const { key, height } of parts) {
    if (distance < top + height) return { key, offset: distance - top };
    top += height;
  }
  const last = parts.at(-1);
  return last ? { key: last.key, offset: distance - (top - last.height) } : null;
}

/** A window of this height stands `distance` below the top of the list. */
export interface View {
  readonly distance: number;
  readonly height: number;
}

/** What is drawn in a view, with so much `more` on either side. */
export function drawnAt(parts: readonly Part[], { distance, height }: View, more: number): Drawn {
  let top = 0;
  let first = parts.length;
  let end = 0;
  parts.forEach((part, i) => {
    const bottom = top + part.height;
    if (bottom > distance - more && top < distance + height + more) {
      first = Math.min(first, i);
      end = i + 1;
    }
    top = bottom;
  });
  return first < end ? between(parts, first, end) : between(parts, 0, 0);
}

/**
 * As much of `wanted` as can be drawn at once: what is in view, and around it at most so many parts that are not drawn yet. So
 * a long way is drawn in several short steps.
 */
export function stepTo(
  wanted: Drawn,
  parts: readonly Part[],
  view: View,
  isDrawn: (key: string) => boolean,
  mostNew: number,
): Drawn {
  let { first, end } = drawnAt(parts, view, 0);
  if (first === end) return wanted;
  let left = mostNew;
  /** Whether this part can be drawn, too. */
  const take = (part: Part | undefined): boolean =>
    part !== undefined && (isDrawn(part.key) || (left > 0 && left-- > 0));
  for (let grows = true; grows;) {
    grows = false;
    if (first > wanted.first && take(parts[first - 1])) {
      first--;
      grows = true;
    }
    if (end < wanted.end && take(parts[end])) {
      end++;
      grows = true;
    }
  }
  return between(parts, first, end);
}

function between(parts: readonly Part[], first: number, end: number): Drawn {
  const heightOf = (some: readonly Part[]): number => some.reduce((sum, { height }) => sum + height, 0);
  return { first, end, above: heightOf(parts.slice(0, first)), below: heightOf(parts.slice(end)) };
}
