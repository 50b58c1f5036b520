import { fromUtf8 } from '../../engine/text/utf8.js';
import { TransferFault } from './fault.js';

/** Far more than any line of an export has. A longer line is refused, so that it cannot fill the memory. */
const LONGEST_LINE_BYTES = 1_048_576;
const LINE_FEED = 0x0a;

export interface TextLine {
  /** 1, 2, 3, … */
  readonly number: number;
  readonly text: string;
  /** Bytes of the input up to the end of this line. */
  readonly bytesRead: number;
}

/**
 * The lines of a stream of UTF-8 without blank ones. The last line need not end with a line feed. Holds one chunk and one
 * line in memory. Throws a TransferFault if a line is too long or not UTF-8.
 */
export async function* readLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<TextLine, void, void> {
  let rest: Uint8Array = new Uint8Array();
  let number = 0;
  let bytesRead = 0;

  function decode(bytes: Uint8Array): string {
    number++;
    if (bytes.length > LONGEST_LINE_BYTES) throw tooLong(number);
    const text = fromUtf8(bytes);
    if (text === null) throw new TransferFault(`line ${number}: this is not UTF-8; is the file compressed?`);
    return text;
  }

  for await (const chunk of input) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = data.indexOf(LINE_FEED); end >= 0; end = data.indexOf(LINE_FEED, from)) {
      const text = decode(data.subarray(from, end));
      bytesRead += end + 1 - from;
      from = end + 1;
      if (text.trim() !== '') yield { number, text, bytesRead };
    }
    rest = data.subarray(from);
    if (rest.length > LONGEST_LINE_BYTES) throw tooLong(number + 1);
  }
  if (rest.length === 0) return;
  const text = decode(rest);
  if (text.trim() !== '') yield { number, text, bytesRead: bytesRead + rest.length };
}

function tooLong(number: number): TransferFault {
  return new TransferFault(
    `line ${number}: longer than ${LONGEST_LINE_BYTES} bytes: this is no export of Parlor`,
  );
}
