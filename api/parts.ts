import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Engine } from '../engine/engine.js';
import type { Clock } from '../engine/ports.js';
import type { Policy } from '../engine/messages/policy.js';
import type { ClientAddress } from './client-address.js';
import type { LongPolls } from './long-polls.js';
import type { Metrics } from './metrics.js';
import type { Guard } from './origins.js';
import type { PageFiles } from './page-files.js';
import type { Reads } from './reads.js';
import type { StreamDoor } from './stream-door.js';

/** The app, as routes are added to it: what they are given has the types that their schemas say. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What the routes need. */
export interface AppParts {
  readonly engine: Engine;
  readonly store: Reads;
  readonly longPolls: LongPolls;
  readonly metrics: Metrics;
  readonly guard: Guard;
  readonly addressOf: ClientAddress;
  /** null: this node takes no connections, WebSockets neither; clients that ask for one are sent to another node. */
  readonly streams: StreamDoor | null;
  /** null: there is no chat page. */
  readonly page: PageFiles | null;
  readonly clock: Pick<Clock, 'now'>;
  readonly presetOf: (roomId: string) => Policy;
}
