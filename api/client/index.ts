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
export { connect } from './connect.js';
export { indexedDbOutbox } from './indexeddb.js';
