/** What of a KeyboardEvent counts here. */
export interface Key {
  readonly key: string;
  readonly isComposing: boolean;
  readonly keyCode: number;
  readonly timeStamp: number;
}

/** Tells an Enter that sends from one that chooses a word in an input method (Japanese, Chinese, Korean, …). */
export interface CompositionGuard {
  readonly started: () => void;
  readonly ended: (event: { readonly timeStamp: number }) => void;
  readonly released: () => void;
  /** Whether the key belongs to the input method. */
  takes(key: Key): boolean;
}

/** While an input method has the keyboard, browsers report this in place of the key. */
const PROCESSED = 229;
/**
 * Safari ends the composition before it reports the Enter that ended it, which then looks like any other. Both come in one
 * go, so a key within so many ms of the end, with no key released in between, is that one.
 */
const SAME_KEY_MS = 100;

export function createCompositionGuard(): CompositionGuard {
  let isOn = false;
  let endedAt: number | null = null;
  return {
    started() {
      isOn = true;
    },
    ended({ timeStamp }) {
      isOn = false;
      endedAt = timeStamp;
    },
    released() {
      endedAt = null;
    },
    takes({ isComposing, keyCode, timeStamp }) {
      if (isOn || isComposing || keyCode === PROCESSED) return true;
      const isSame = endedAt !== null && timeStamp - endedAt < SAME_KEY_MS;
      endedAt = null;
      return isSame;
    },
  };
}
