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

/** What is drawn when a window of this height stands `distance` below the top, with so much more on either side. */
export function drawnAt(
  parts: readonly Part[],
  { distance, height, more }: { readonly distance: number; readonly height: number; readonly more: number },
): Drawn {
  let top = 0;
  let first = parts.length;
  let end = 0;
  let above = 0;
  let until = 0;
  parts.forEach((part, i) => {
    const bottom = top + part.height;
    if (bottom > distance - more && top < distance + height + more) {
      if (i < first) {
        first = i;
        above = top;
      }
      end = i + 1;
      until = bottom;
    }
    top = bottom;
  });
  return first < end ? { first, end, above, below: top - until } : { first: 0, end: 0, above: 0, below: top };
}
