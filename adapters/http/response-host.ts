import { type HttpResponse } from 'uWebSockets.js';

/** What a response needs from the exchange it belongs to. */
export interface ResponseHost {
  /** Undefined as soon as the answer is out or the client is gone. */
  readonly native: HttpResponse | undefined;
  /** uWS closes the connection after the answer by itself. */
  readonly closedByUws: boolean;
  /** The connection is to be closed after the answer, whatever the handler says. */
  readonly mustClose: boolean;
  /**
   * Nothing more may be read from the connection after the answer. Where uWS cannot be told to close it (it can only with
   * a whole body), reading is paused for good: the client closes, as the answer says, or uWS does, after 12 s at most.
   */
  readonly readsNoMore: boolean;
  /** True: the client still sends and would lose an answer that ended now. `release` is called when it may end. */
  mustHold(closing: boolean): boolean;
  /** uWS took the last byte. */
  ended(): void;
  /** Closes the connection at once. */
  kill(): void;
  /** A listener threw. */
  fault(cause: unknown): void;
}
