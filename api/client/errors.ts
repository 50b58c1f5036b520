/** What every error of the client is. `retry`: whether the same may succeed later, so that trying again makes sense. */
export class ParlorError extends Error {
  /** Made of the code: `room_full` is a `RoomFullError`. */
  override readonly name: string;

  constructor(
    /** A code of Parlor's table of errors, or one of the client's own: `timeout`, `network`, `closed`, `outbox_full`. */
    readonly code: string,
    message: string,
    readonly retry: boolean,
    /** Not sooner than in so many ms; null: nobody knows. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
    this.name = `${code.replace(/(^|_)(.)/g, (_, __, initial: string) => initial.toUpperCase())}Error`;
  }
}

/** The server did not answer, or could not be reached. */
export class NetworkError extends ParlorError {}

/** `close()` was called before there was an answer. A post stays in the outbox. */
export class ClosedError extends ParlorError {}

/** More posts wait for an answer than `outboxLimit` allows. */
export class OutboxFullError extends ParlorError {}

/** No token, or one that does not hold (any more). The same one never will. */
export class UnauthorizedError extends ParlorError {}

/** The token, or the room's policy, does not allow it. */
export class ForbiddenError extends ParlorError {}

/** Every seat is taken. A seat may become free. */
export class RoomFullError extends ParlorError {}

/** There is no such room, and it does not open on demand. */
export class RoomNotFoundError extends ParlorError {}

/** The room is closed, until somebody opens it again. */
export class RoomClosedError extends ParlorError {}

/** Too much at once: slow down. */
export class RateLimitedError extends ParlorError {}

/** The server, or its store, cannot do it now. */
export class UnavailableError extends ParlorError {}

const CLASSES: Readonly<Record<string, typeof ParlorError>> = {
  network: NetworkError,
  timeout: NetworkError,
  closed: ClosedError,
  outbox_full: OutboxFullError,
  unauthorized: UnauthorizedError,
  forbidden: ForbiddenError,
  room_full: RoomFullError,
  room_not_found: RoomNotFoundError,
  room_closed: RoomClosedError,
  rate_limited: RateLimitedError,
  unavailable: UnavailableError,
  internal: UnavailableError,
};

/** Why something was not done, as the server tells it in a frame. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retry: boolean;
  readonly retry_after_ms?: number | undefined;
}

/** The error of the class that belongs to a code of the server. */
export function errorOf({ code, message, retry, retry_after_ms }: Failure): ParlorError {
  return new (CLASSES[code] ?? ParlorError)(code, message, retry, retry_after_ms);
}

/** One of ours: something that may go better the next time. */
export function passing(code: 'network' | 'timeout' | 'closed' | 'outbox_full', cause: unknown): ParlorError {
  return errorOf({ code, message: String(cause), retry: true });
}

export function timeout(): ParlorError {
  return passing('timeout', 'no answer in time');
}
