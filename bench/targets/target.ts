import { missingBefore } from './before.js';
import { missingBroker } from './broker.js';
import { missingCentrifugo, startCentrifugo } from './centrifugo.js';
import {
  startParlor,
  startParlorBefore,
  startParlorOnRabbit,
  startParlorOnSqlite,
  startRelay,
} from './parlor.js';
import type { Target, TargetName } from './kinds.js';
import { isPeer, startPeer } from './peers.js';

export type { Target, TargetName } from './kinds.js';

/** Starts a server with these settings on top of the environment. Linux only: it reads /proc. */
export function startTarget(
  name: TargetName,
  settings: Readonly<Record<string, string>> = {},
): Promise<Target> {
  if (name === 'uws-relay') return startRelay(settings);
  if (isPeer(name)) return startPeer(name, settings);
  switch (name) {
    case 'parlor':
      return startParlor(settings);
    case 'parlor-sqlite':
      return startParlorOnSqlite(settings);
    case 'parlor-before':
      return startParlorBefore(settings);
    case 'parlor-rabbitmq':
      return startParlorOnRabbit(settings);
    case 'centrifugo':
      return startCentrifugo(settings);
  }
}

/**
 * Null when it can be started here, else one line that says why not and what to do. Centrifugo is built for this, once,
 * where Go is and Centrifugo is not.
 */
export async function missing(name: TargetName): Promise<string | null> {
  switch (name) {
    case 'parlor-before':
      return missingBefore();
    case 'parlor-rabbitmq':
    case 'uws-relay':
      return missingBroker();
    case 'centrifugo':
      return missingCentrifugo();
    default:
      return null;
  }
}
