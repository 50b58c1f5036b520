import { PRESENCE_FAULTS } from './faults-presence.js';
import { READING_FAULTS } from './faults-reading.js';
import { STORE_FAULTS } from './faults-store.js';
import { VIEW_FAULTS } from './faults-view.js';
import type { Faults } from './plant.js';
import type { Violation } from './violations.js';

/** Ways to break a history, at least one for each kind of violation. */
export const FAULTS: Faults<Violation['kind']> = {
  ...STORE_FAULTS,
  ...VIEW_FAULTS,
  ...READING_FAULTS,
  ...PRESENCE_FAULTS,
};
