import { type IncomingHttpHeaders } from 'node:http';
import { type HttpResponse } from 'uWebSockets.js';
import { type ExchangeEvents } from './exchange.js';
import { type RequestHead } from './request-head.js';
import { refuse } from './refusals.js';

/** What a request says before its body. */
export interface PlainHead {
  /** Path and query exactly as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface PlainAnswer {
  readonly status: number;
  /** `201 Created` */
  readonly statusLine: string;
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
   * The whole body; the bytes die with this call. True: calls `answer` once, later or at once. False, always at once:
   * the application shall answer, as if this had not been asked.
   */
  take(head: PlainHead, body: Buffer, answer: (answer: PlainAnswer) => void): boolean;
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
  events: ExchangeEvents,
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
      return cut.take(head, Buffer.from(bytes), answer);
    } catch (cause) {
      events.fault(cause);
      if (open) {
        refuse(native, 500, 'a fault on our side');
        settle();
      }
      return true;
    }
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
function headLines({ statusLine, headers }: PlainAnswer): string {
  let lines = statusLine;
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1] ?? '';
    // What could end a line must not come this way.
    if (UNFIT.test(value))
      throw new Error(`a header of a short cut is not fit to be sent: ${headers[at] ?? ''}`);
    lines += `\r\n${headers[at] ?? ''}: ${value}`;
  }
  return lines;
}
