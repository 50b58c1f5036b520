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
      // A pattern would take U+2028 in a message for the end of its line.
      const lines = block.split('\n');
      const field = (name: string): string =>
        lines
          .find((line) => line.startsWith(`${name}:`))
          ?.slice(name.length + 1)
          .replace(/^ /, '') ?? '';
      const data = field('data');
      if (data) take(field('event'), data);
    }
  };
}
