/**
 * The one table of codes: what went wrong, as every surface says it.
 *
 * `http` is the status of an HTTP answer, `close` the code a WebSocket is closed with when the error ends the
 * connection (4000 + HTTP status; RFC 6455 section 7.4.2 leaves 4000–4999 to applications), `retry` whether
 * the same request may succeed later, and `title` one line for a human. The table in docs/wire.md and the
 * OpenAPI document are checked against it. When it may succeed is in `retryOf`.
 */
export const ERRORS = {
  bad_request: { http: 400, close: 4400, retry: false, title: 'The request is not well formed' },
  unauthorized: { http: 401, close: 4401, retry: false, title: 'Who you are could not be established' },
  forbidden: { http: 403, close: 4403, retry: false, title: 'This is not allowed' },
  room_not_found: { http: 404, close: 4404, retry: false, title: 'There is no such room' },
  not_found: { http: 404, close: 4404, retry: false, title: 'There is nothing at this address' },
  method_not_allowed: { http: 405, close: 4405, retry: false, title: 'This address has other methods' },
  request_timeout: { http: 408, close: 4408, retry: true, title: 'The request took too long to arrive' },
  not_a_member: { http: 404, close: 4404, retry: false, title: 'This user holds no seat in the room' },
  room_full: { http: 409, close: 4409, retry: true, title: 'Every seat of the room is taken' },
  id_conflict: { http: 409, close: 4409, retry: false, title: 'This message id belongs to another message' },
  not_joined: { http: 409, close: 4409, retry: true, title: 'The room has not let you in yet' },
  room_closed: { http: 410, close: 4410, retry: false, title: 'The room is closed' },
  payload_too_large: { http: 413, close: 4413, retry: false, title: 'More bytes than are allowed' },
  unsupported_media_type: { http: 415, close: 4415, retry: false, title: 'Only JSON is understood here' },
  expectation_failed: { http: 417, close: 4417, retry: false, title: 'Only 100-continue can be expected' },
  upgrade_required: { http: 426, close: 4426, retry: false, title: 'This address takes WebSockets only' },
  rate_limited: { http: 429, close: 4429, retry: true, title: 'Too much at once' },
  internal: { http: 500, close: 4500, retry: true, title: 'A fault on our side' },
  unavailable: { http: 503, close: 4503, retry: true, title: 'Not accepted now; try again' },
  slow_consumer: { http: 508, close: 4508, retry: true, title: 'The connection reads too slowly' },
} as const satisfies Record<string, ErrorRow>;

interface ErrorRow {
  readonly http: number;
  readonly close: number;
  readonly retry: boolean;
  readonly title: string;
}

export type ErrorCode = keyof typeof ERRORS;

/** A refusal that may be repeated should not be within this, ms: what was too much at once is over by then. */
const RETRY_AFTER_MS = 1_000;
/** A seat is kept for some seconds after its user has gone (the default of `grace_ms`), so none is free sooner. */
const SEAT_RETRY_AFTER_MS = 5_000;

/**
 * What whoever is refused with this code is told of a repetition: in a frame, and in a problem document. `afterMs`: where it
 * is known, and not only guessed from the code.
 */
export function retryOf(
  code: ErrorCode,
  afterMs: number = code === 'room_full' ? SEAT_RETRY_AFTER_MS : RETRY_AFTER_MS,
): { readonly retry: boolean; readonly retry_after_ms?: number } {
  return ERRORS[code].retry ? { retry: true, retry_after_ms: afterMs } : { retry: false };
}

/**
 * Close code for a node that restarts: the client should come back (RFC 6455, IANA registry: Service
 * Restart).
 */
export const CLOSE_SERVICE_RESTART = 1012;

/** What whoever asks or comes is told while a node goes down. */
export const GOING_DOWN: Refusal = {
  code: 'unavailable',
  message: 'this node is going down; ask another, or in a moment',
};

/** Why something was not done. `message` says what the sender can do about it. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** When the same may succeed, ms from now; left out: as `retryOf` says. */
  readonly retry_after_ms?: number;
}

export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

/** The text of anything thrown, for a log line or an answer. */
export function errorText(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
