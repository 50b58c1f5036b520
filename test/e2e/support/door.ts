import type { Parlor } from '../../support/parlor.js';

/** Where somebody connects. */
export interface Door {
  readonly name: string;
  readonly parlor: Parlor;
}
