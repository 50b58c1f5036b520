import { type IncomingHttpHeaders } from 'node:http';
import { type HttpResponse } from 'uWebSockets.js';
import { type ExchangeEvents } from './exchange.js';
import { type NextTurn } from './next-turn.js';
import { type RequestHead } from './request-head.js';
import { refuse } from './refusals.js';
import { statusLine } from './response-head.js';

/** What a request says before its body. */
export interface PlainHead {
  /** Path and query exactly as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface PlainAnswer {
  readonly status: number;
  /** Name, value, name, value … ASCII; neither the date nor what frames the body. */
  readonly headers: readonly string[];
  readonly body: string;
}

/**
 * A call so frequent that the way through the application costs more than the call itself. It answers what is
 * plainly right by itself and leaves everything else, above all what is wrong, to the application.
 */
export interface ShortCut {
  /** The POSTs it is about, as uWS writes routes: `/api/rooms/:room_id/messages`. */
  readonly pattern: string;
  /** Whether it would look at the body. */
  wants(head: PlainHead): boolean;
  /**
   * The whole body; the bytes die with this call. Returns what carries the request out and calls `answer` once, later or
   * at once; null: the application shall answer, as if this had not been asked.
   *
   * It is carried out in the next turn, and not at all if the client is gone by then. So nothing is done for a request
   * behind which another one came in the same piece: uWS closes such a connection, and there would be no answer.
   */
  take(head: PlainHead, body: Buffer, answer: (answer: PlainAnswer) => void): (() => void) | null;
}

/** Whether a request may go the short way at all: what needs care on the connection goes the long one. */
export function isPlain(head: RequestHead): boolean {
  const { method, bodyBytes, clientCloses, headers } = head;
  return method === 'POST' && bodyBytes !== undefined && bodyBytes > 0 && !clientCloses && !headers.expect;
}

/** Takes what arrives for a request from when the short cut has declined. */
export interface LongWay {
  data(bytes: ArrayBuffer, last: boolean): void;
  aborted(): void;
}

/**
 * Waits for the body and offers it to the short cut, if it comes in one piece, as a short one does. Declined, or in
 * several pieces, the request goes to `goLongWay`, which is then told all that has arrived and all that will.
 */
export function offer(
  native: HttpResponse,
  head: RequestHead,
  cut: ShortCut,
  { events, nextTurn }: { events: ExchangeEvents; nextTurn: NextTurn },
  goLongWay: () => LongWay,
): void {
  let open = true;
  let longWay: LongWay | undefined;

  function settle(): void {
    open = false;
    events.settled();
  }

  function answer(given: PlainAnswer): void {
    if (!open) return;
    const lines = headLines(given);
    native.cork(() => {
      native.writeStatus(lines);
      native.end(given.body, events.isClosing());
    });
    settle();
  }

  function isTaken(bytes: ArrayBuffer): boolean {
    try {
      const carryOut = cut.take(head, Buffer.from(bytes), answer);
      if (carryOut === null) return false;
      nextTurn(() => {
        if (open) begin(carryOut);
      });
    } catch (cause) {
      crash(cause);
    }
    return true;
  }

  function begin(carryOut: () => void): void {
    try {
      carryOut();
    } catch (cause) {
      crash(cause);
    }
  }

  function crash(cause: unknown): void {
    events.fault(cause);
    if (!open) return;
    const { method, url, headers } = head;
    const [status, detail] = [500, 'a fault on our side'] as const;
    refuse(native, status, events.refusal({ status, detail, method, url, headers, ms: 0, raw: null }));
    settle();
  }

  native.onAborted(() => {
    if (longWay) longWay.aborted();
    else if (open) settle();
  });
  native.onData((bytes, last) => {
    if (!longWay) {
      if (!open || (last && bytes.byteLength === head.bodyBytes && isTaken(bytes))) return;
      longWay = goLongWay();
    }
    longWay.data(bytes, last);
  });
}

const UNFIT = /[^\x20-\x7e]/;

/** Status and headers in one piece, for uWS takes what it is given for a status line, and each call into it has its price. */
function headLines({ status, headers }: PlainAnswer): string {
  let lines = statusLine(status);
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1] ?? '';
    // What could end a line must not come this way.
    if (UNFIT.test(value))
      throw new Error(`a header of a short cut is not fit to be sent: ${headers[at] ?? ''}`);
    lines += `\r\n${headers[at] ?? ''}: ${value}`;
  }
  return lines;
}
