import { randomFillSync } from 'node:crypto';
import { validate } from 'uuid';

/**
 * Randomness is fetched for this many ids at once: a call to the generator costs 1.3 µs, however much it
 * returns.
 */
const POOL_IDS = 512;
/** Six for the id, and four from which the counter begins. */
const RANDOM_BYTES = 10;
/** The bits in front of the counter that say what kind of UUID it is (RFC 9562 sections 4.1 and 4.2). */
const VERSION = 0x70;
const VARIANT = 0x80;

/** Whether a string is a UUID in its canonical text form, of any version. */
export function isUuid(text: string): boolean {
  return validate(text);
}

const HEX = Uint8Array.from(Buffer.from('0123456789abcdef'));

/**
 * UUIDs v7 (RFC 9562 section 5.7): 48 bits of the time in ms, a counter of 32 bits, 42 random bits.
 *
 * By hand, because a post makes two or three: 0.19 µs each instead of the 0.29 of the library's v7 with randomness from the
 * same pool. The text is one buffer in which only what has changed is written, and each id one flat string of it.
 */
function createIds(): () => string {
  const text = Buffer.from('xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx');
  const pool = new Uint8Array(POOL_IDS * RANDOM_BYTES);
  let used = pool.length;
  let msecs = 0;
  let counter = 0;

  /** Writes a byte as its two digits. */
  function put(place: number, byte: number): void {
    text[place] = HEX[byte >> 4] ?? 0;
    text[place + 1] = HEX[byte & 15] ?? 0;
  }

  function putTime(): void {
    const high = Math.floor(msecs / 2 ** 32);
    put(0, high >>> 8);
    put(2, high & 255);
    put(4, msecs >>> 24);
    put(6, (msecs >>> 16) & 255);
    put(9, (msecs >>> 8) & 255);
    put(11, msecs & 255);
  }

  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const random = used;
    const at = (i: number): number => pool[random + i] ?? 0;
    used += RANDOM_BYTES;
    const now = Date.now();
    if (now > msecs) {
      msecs = now;
      // RFC 9562 section 6.2, method 1: begins anywhere in its lower half in each millisecond.
      counter = ((at(6) << 24) | (at(7) << 16) | (at(8) << 8) | at(9)) >>> 1;
      putTime();
    } else {
      counter = (counter + 1) >>> 0;
      if (counter === 0) {
        msecs++;
        putTime();
      }
    }
    put(14, VERSION | (counter >>> 28));
    put(16, (counter >>> 20) & 255);
    put(19, VARIANT | ((counter >>> 14) & 63));
    put(21, (counter >>> 6) & 255);
    put(24, ((counter << 2) & 255) | (at(0) & 3));
    put(26, at(1));
    put(28, at(2));
    put(30, at(3));
    put(32, at(4));
    put(34, at(5));
    return text.toString('latin1');
  };
}

/**
 * A new UUID v7 (RFC 9562 section 5.7): unique, and sorted by the time it was made, also within a
 * millisecond.
 */
export const newId: () => string = createIds();
