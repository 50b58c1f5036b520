import { chanceOf, mixed, type Chance } from './chance.js';

/** One input and what came of it. */
export interface Attempt {
  /** The bytes as they were sent, piece by piece. */
  readonly input: readonly Buffer[];
  /** In a word or two, for the count. */
  readonly came: string;
  /** What is wrong with that; null: nothing. */
  readonly wrong: string | null;
}

/** One kind of input to one parser. */
export interface Attack {
  readonly name: string;
  /** Inputs that are under way at the same time. */
  readonly lanes: number;
  attempt(chance: Chance): Promise<Attempt>;
}

/** What is wrong, and what it takes to see it again. */
export interface Finding {
  readonly attack: string;
  readonly wrong: string;
  /** Of the input, not of the run. */
  readonly seed: number | null;
  readonly input: readonly Buffer[];
}

/** How often what came of an attack. */
export type Counts = Map<string, Map<string, number>>;

export interface Campaign {
  readonly seed: number;
  /** False when it is over. */
  readonly isOn: () => boolean;
  readonly found: (finding: Finding) => void;
  readonly counts: Counts;
  /** Told of each input that comes to an end. */
  readonly done: (attack: string, attempt: Attempt) => void;
}

/** An attack ends at so many findings: they are most likely the same one. */
const ENOUGH = 20;

/** Sends inputs, one after the other in each lane, until the campaign is over. Never rejects. */
export async function attackWith(
  attack: Attack,
  { seed, isOn, found, counts, done }: Campaign,
): Promise<void> {
  const mine = new Map<string, number>();
  counts.set(attack.name, mine);
  let findings = 0;
  const lane = async (number: number): Promise<void> => {
    for (let at = 0; isOn() && findings < ENOUGH; at++) {
      const own = mixed(seed, number, at, ...Buffer.from(attack.name));
      const attempt = await attack.attempt(chanceOf(own)).catch((cause: unknown): Attempt => ({
        input: [],
        came: 'an error',
        wrong: `the attempt failed: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
      }));
      mine.set(attempt.came, (mine.get(attempt.came) ?? 0) + 1);
      done(attack.name, attempt);
      // What is in the air when the program ends belongs to no input.
      if (attempt.wrong === null || !isOn()) continue;
      findings++;
      found({ attack: attack.name, wrong: attempt.wrong, seed: own, input: attempt.input });
    }
  };
  await Promise.all(Array.from({ length: attack.lanes }, (_, number) => lane(number)));
}

/** What no answer may show: where the program lies, and its stack. */
const INSIDE = /node_modules|file:\/\/|\/dist\/|\bat [\w.<>]+ \(|\.[jt]s:\d+/;

/** The part of an answer that shows the inside of the program; null if none does. */
export function inside(text: string): string | null {
  const found = INSIDE.exec(text);
  return found ? `it shows the inside: ${text.slice(Math.max(0, found.index - 80), found.index + 80)}` : null;
}
