export type * from './types.js';
export {
  ClosedError,
  ForbiddenError,
  NetworkError,
  OutboxFullError,
  ParlorError,
  RateLimitedError,
  RoomClosedError,
  RoomFullError,
  RoomNotFoundError,
  UnauthorizedError,
  UnavailableError,
} from './errors.js';
// connect(url: string, options?: ConnectOptions): Connection
// indexedDbOutbox(name: string): OutboxStore
