/** What the engine asks of the world, one seam a file, each with its guarantees. Adapters implement them. */
export type { Broker, BrokerHandlers, BrokerState, Delivery, Session } from './ports/broker.js';
export type {
  Append,
  AppendResult,
  LogPage,
  Page,
  RetentionBounds,
  RoomRecord,
  Store,
  StoreIdentity,
  StoreState,
} from './ports/store.js';
export type { Outlet, Socket } from './ports/outlet.js';
export type { Clock } from './ports/clock.js';
export type { Log, Meter } from './ports/telemetry.js';
export type * from './ports/verifier.js';
