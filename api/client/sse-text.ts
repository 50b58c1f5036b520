/**
 * Reads `text/event-stream` as Parlor writes it (lines end in LF, and data is one line), arriving in any pieces. Ids and `retry`
 * are not needed: frames carry their seq, and when to come back is decided elsewhere. An event without a name has the type ''.
 */
export function eventReader(take: (type: string, data: string) => void): (piece: string) => void {
  let rest = '';
  return (piece) => {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      // Not `.`, and no flag `m`: to them a line ends at U+2028, too, which may be in a message.
      const field = (name: string): string => new RegExp(`(?:^|\n)${name}: ?([^\n]*)`).exec(block)?.[1] ?? '';
      const data = field('data');
      if (data) take(field('event'), data);
    }
  };
}
