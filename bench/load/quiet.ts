import type { Connection } from './connection.js';
import { clock } from './marker.js';
import type { People } from './people.js';
import { unanswered } from './poster.js';

const ASK_AGAIN_MS = 20;
/** When everybody has everything: time for what should not come. */
const DOUBLES_MS = 200;
/** When somebody lacks something. */
const SILENCE_MS = 1_000;
/** When something has to come. */
const LONG_SILENCE_MS = 3_000;
const PATIENCE_MS = 30_000;

/**
 * Waits until everybody of these has everything and nothing more comes, or nothing has come for a second. Resolves with
 * false if messages still come after half a minute.
 */
export async function quiet(
  { crew }: People,
  members: readonly Connection[],
  hasAll: (member: Connection) => boolean,
): Promise<boolean> {
  const begun = clock();
  for (;;) {
    const now = clock();
    const silence = (now - Math.max(begun, crew.arrived)) / 1000;
    if (silence >= SILENCE_MS || (silence >= DOUBLES_MS && members.every(hasAll))) return true;
    if (now - begun > PATIENCE_MS * 1000) return false;
    await pause(ASK_AGAIN_MS);
  }
}

/** Waits for something that has to come; rejects when nothing more comes, or after half a minute. */
export async function arrival(
  { crew }: People,
  members: readonly Connection[],
  has: (member: Connection) => boolean,
  what: string,
): Promise<void> {
  const begun = clock();
  for (;;) {
    if (members.every(has)) return;
    const now = clock();
    const silent = now - Math.max(begun, crew.arrived) > LONG_SILENCE_MS * 1000;
    if (silent || now - begun > PATIENCE_MS * 1000) {
      const without = members.filter((one) => !has(one));
      throw new Error(`${without.length} connections of ${members.length} wait in vain for ${what}`);
    }
    await pause(ASK_AGAIN_MS / 4);
  }
}

export const hasAnswers = ({ poster }: Connection): boolean => poster === null || unanswered(poster) === 0;

export function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}
