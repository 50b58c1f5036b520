import { register } from 'node:module';
import { RollCall } from '../../../engine/room/roll-call.js';
import { Timeline } from '../../../engine/timeline.js';
import { plantedFault } from './planted-fault.js';

/**
 * The program with one of four faults, which FAULT names, so that it is seen whether the tests find it:
 *
 * - no-fencing: the store takes an append whatever head it stands on, and a stale home goes on writing
 * - early-answers: a post is answered before it is stored
 * - no-gap-repair: an audience does not read what it missed
 * - no-roll-call: a new home believes that nobody is there
 *
 * The first two, and half of the third, are in wrappers of the adapters.
 */
register('./planted-hooks.js', import.meta.url);

switch (plantedFault()) {
  case 'no-gap-repair':
    Timeline.prototype.placeOf = function ({ seq }) {
      if (this.cursor === null) return 'unknown';
      return seq <= this.cursor ? 'old' : 'next';
    };
    break;
  case 'no-roll-call':
    RollCall.prototype.begin = () => ({ present: [], believed: [], members_version: 0 });
    Object.defineProperty(RollCall.prototype, 'isOver', { get: () => true });
    break;
  case 'no-fencing':
  case 'early-answers':
    break;
}

const { run } = await import('../../../api/run.js');
await run();
