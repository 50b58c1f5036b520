/** What the generator wants to know of an HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  /** Whether it says when to come again (RFC 9110 section 10.2.3). */
  readonly retryAfter: boolean;
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** Where the status is in `HTTP/1.1 201 Created`. */
const STATUS_AT = 'HTTP/1.1 '.length;
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;
const RETRY_AFTER = /\r\nretry-after: *\S/i;
const BODILESS: ReadonlySet<number> = new Set([204, 304]);

/**
 * Reads the answers on one connection, whatever pieces they arrive in, without looking at their bodies. Only answers
 * with a content-length (or without a body) are understood: anything else throws, as it would be counted wrongly.
 * The chunk may be reused by the caller afterwards.
 */
export function createAnswerReader(
  onAnswer: (answer: HttpAnswer) => void,
): (chunk: Buffer, length: number) => void {
  /** The beginning of a head whose end has not come. */
  let begun: Buffer | null = null;
  /** Bytes of a body that are still to come, and the answer they belong to. */
  let missing = 0;
  let answer: HttpAnswer | null = null;

  return (chunk, length) => {
    let bytes = chunk.subarray(0, length);
    if (begun !== null) bytes = Buffer.concat([begun, bytes]);
    begun = null;
    let at = 0;
    while (at < bytes.length) {
      if (answer === null) {
        const end = bytes.indexOf(HEAD_END, at);
        if (end < 0) {
          begun = Buffer.from(bytes.subarray(at));
          return;
        }
        const head = bytes.toString('latin1', at, end);
        answer = readHead(head);
        missing = bodyBytes(head, answer.status);
        at = end + HEAD_END.length;
      }
      const step = Math.min(missing, bytes.length - at);
      missing -= step;
      at += step;
      if (missing > 0) return;
      const whole = answer;
      answer = null;
      onAnswer(whole);
    }
  };
}

function readHead(head: string): HttpAnswer {
  const status = Number(head.slice(STATUS_AT, STATUS_AT + 3));
  if (!head.startsWith('HTTP/1.1 ') || !(status >= 200 && status <= 599))
    throw new Error(`not the beginning of an answer: ${JSON.stringify(head.slice(0, 60))}`);
  return { status, retryAfter: RETRY_AFTER.test(head) };
}

function bodyBytes(head: string, status: number): number {
  if (BODILESS.has(status)) return 0;
  const length = CONTENT_LENGTH.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer without content-length: ${JSON.stringify(head)}`);
  return Number(length);
}
