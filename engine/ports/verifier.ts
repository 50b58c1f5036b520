import type { Grant } from '../access/grant.js';
import type { Refusal } from '../errors.js';

/** Checks tokens. */
export interface Verifier {
  /**
   * The grant of a token, or why it is refused, in words for its sender that name nothing of the token. Never rejects:
   * `unavailable` where the keys cannot be read just now.
   */
  verify(token: string): Promise<Grant | Refusal>;
}
