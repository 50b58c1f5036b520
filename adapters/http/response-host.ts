import { type HttpResponse } from 'uWebSockets.js';

/** What a response needs from the exchange it belongs to. */
export interface ResponseHost {
  /** Undefined as soon as the answer is sent or the client is gone. */
  readonly native: HttpResponse | undefined;
  /** uWS closes the connection after the answer by itself. */
  readonly closedByUws: boolean;
  /** The connection is to be closed after the answer, whatever the handler says. */
  readonly mustClose: boolean;
  /**
   * Nothing may be read from the connection after the answer. uWS can be told to close it only together with a whole
   * body. In the other cases reading is paused for good; the client closes, as the answer asks it to, or uWS does so
   * within 12 s.
   */
  readonly readsNoMore: boolean;
  /**
   * True if the answer must not end yet, because the client is still sending; `release` is called when it may end.
   * `closing`: the answer will close the connection.
   */
  mustHold(closing: boolean): boolean;
  /** uWS has taken the last byte. */
  ended(): void;
  /** Closes the connection at once. */
  kill(): void;
  /** A listener threw. */
  fault(cause: unknown): void;
}
