import { createAccess, type Access } from '../../engine/access/access.js';
import { systemClock } from '../../adapters/system/clock.js';

/** As with AUTH=off: nobody has to say who they are. */
export const OPEN_ACCESS: Access = createAccess({
  verifier: null,
  store: {
    revoke: () => Promise.resolve(),
    unrevoke: () => Promise.resolve(false),
    revocations: () => Promise.resolve([]),
  },
  broker: { say: () => undefined },
  clock: systemClock,
  log: { warn: () => undefined },
  endRevoked: () => undefined,
});
