import type { Post } from './book.js';

export type Random = () => number;

const WORDS = ['alpha', 'Brücke', '東京', '👩‍👩‍👧', 'naïve', 'x', "O'Neill", '"quoted"', '\\n', '%s', 'ж', 'ok'];

/** A post of its own: its id and its text come from the random numbers and nothing else. */
export function freshPost(random: Random, room_id: string, user: string | null): Post {
  const id = uuidFrom(random);
  const count = random() < 0.02 ? 200 : 1 + Math.floor(random() * 8);
  const words = Array.from({ length: count }, () => oneOf(random, WORDS));
  return { room_id, id, user, text: `${id.slice(0, 8)} ${words.join(' ')}` };
}

/** One of a list that is not empty. */
export function oneOf<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

/** A number from `least` to `most`. */
export function between(random: Random, least: number, most: number): number {
  return least + random() * (most - least);
}

/** A UUID of version 4 (RFC 9562 section 5.4) out of these numbers. */
function uuidFrom(random: Random): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}
