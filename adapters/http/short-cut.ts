import { type IncomingHttpHeaders } from 'node:http';
import { type HttpResponse } from 'uWebSockets.js';
import { type ExchangeEvents } from './exchange.js';
import { type NextTurn } from './next-turn.js';
import { type RequestHead } from './request-head.js';
import { refuse } from './refusals.js';
import { statusLine } from './response-head.js';
import { peerOf } from './socket.js';
import { asUtf8 } from './utf8.js';

/** The part of a request's head that a short cut sees. */
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
 * Handles a kind of request that is so frequent that the application's routing, hooks and reply cost more than the work
 * itself. It answers requests that are plainly valid, and leaves all others to the application.
 */
export interface ShortCut {
  /** The path of its POSTs, as a uWS route: `/things/:id`. */
  readonly pattern: string;
  /** Whether it wants to see the body. */
  wants(head: PlainHead): boolean;
  /**
   * Called with the whole body, whose bytes are valid during this call only. `peer` says the address of the other end, or ''
   * once it is answered or gone. Returns a function that carries the request
   * out and calls `answer` once, or null to leave the request to the application.
   *
   * The function is called in the next turn, and not at all if the client is gone by then. So a request behind which
   * another one was pipelined in the same segment is not carried out: uWS closes such a connection without an answer.
   */
  take(
    head: PlainHead,
    body: Buffer,
    answer: (answer: PlainAnswer) => void,
    peer: () => string,
  ): (() => void) | null;
}

/** Whether a request may take a short cut at all. One that needs care with its connection goes to the application. */
export function isPlain(head: RequestHead): boolean {
  const { method, bodyBytes, clientCloses, headers } = head;
  return method === 'POST' && bodyBytes !== undefined && bodyBytes > 0 && !clientCloses && !headers.expect;
}

/** Receives what arrives for a request after the short cut has declined it. */
export interface LongWay {
  data(bytes: ArrayBuffer, last: boolean): void;
  aborted(): void;
}

/**
 * Offers the body to the short cut, if it arrives in one piece, as a small one does. Otherwise, or if the short cut
 * declines, calls `goLongWay`, and passes on to its result all that has arrived and will arrive.
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
      native.end(asUtf8(given.body), events.isClosing());
    });
    settle();
  }

  const peer = (): string => (open ? peerOf(native) : '');

  function isTaken(bytes: ArrayBuffer): boolean {
    try {
      const carryOut = cut.take(head, Buffer.from(bytes), answer, peer);
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
    const refused = { status, detail, method, url, headers, peer: peer(), ms: 0, raw: null };
    refuse(native, status, events.refusal(refused));
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

/** Status and headers as one string: uWS writes the status line verbatim, and every call into it costs. */
function headLines({ status, headers }: PlainAnswer): string {
  let lines = statusLine(status);
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1] ?? '';
    // Nothing may get in here that could end a line.
    if (UNFIT.test(value))
      throw new Error(`a short cut gave a header that cannot be sent: ${headers[at] ?? ''}`);
    lines += `\r\n${headers[at] ?? ''}: ${value}`;
  }
  return lines;
}
