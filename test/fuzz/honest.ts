import type { Parlor } from '../support/parlor.js';
import { until } from '../support/until.js';

/** Between two posts of a pair, ms. */
const PAUSE_MS = 100;
/** A message that takes longer is late, ms. Generous: attackers, program and judge share the machine. */
const LATE_MS = 15_000;
const NAMES = ['honest-alice', 'honest-bob'] as const;

/** Two members of a room who talk to each other all the time. */
export interface Honest {
  /** Resolves with how many messages each of them has seen, and the longest time one took, ms. */
  stop(): Promise<{ readonly seen: number; readonly longest: number }>;
}

/**
 * Each of the two says 1, 2, 3 … in turn, and both must see all of it in order, and in time. `broken` is told once of what is
 * wrong, and the pair falls silent.
 */
export async function startHonest(
  parlor: Parlor,
  room: string,
  broken: (why: string) => void,
): Promise<Honest> {
  const clients = [
    await parlor.join(room, `user=${NAMES[0]}`),
    await parlor.join(room, `user=${NAMES[1]}`),
  ] as const;
  let [going, seen, longest] = [true, 0, 0];
  /** Up to which frame a client's messages are checked. */
  const checked = [0, 0];

  /** Waits until both have seen this text, as the next one of the pair. */
  async function bothSee(text: string): Promise<void> {
    for (const [at, client] of clients.entries()) {
      const next = (): string | null => {
        if (client.socket.readyState !== client.socket.OPEN) throw new Error('its connection has ended');
        while ((checked[at] ?? 0) < client.frames.length) {
          const frame = client.frames[checked[at] ?? 0];
          checked[at] = (checked[at] ?? 0) + 1;
          if (frame?.type === 'error') throw new Error(`an error: ${JSON.stringify(frame)}`);
          const user = String(frame?.['user']);
          if (frame?.type === 'message' && NAMES.some((name) => name === user)) return String(frame['text']);
        }
        return null;
      };
      const heard = await until(next, { timeoutMs: LATE_MS, intervalMs: 5, what: `“${text}”` });
      if (heard !== text) throw new Error(`“${heard}” came where “${text}” was next`);
    }
  }

  async function talk(): Promise<void> {
    while (going) {
      const text = String(seen + 1);
      const begun = performance.now();
      clients[seen % 2 === 0 ? 0 : 1].send({ type: 'post', text });
      await bothSee(text);
      longest = Math.max(longest, performance.now() - begun);
      seen++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  const talking = talk().catch((cause: unknown) => {
    broken(
      `honest members of ${room}, after ${seen} messages: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  });

  return {
    async stop() {
      going = false;
      await talking;
      for (const { socket } of clients) socket.close();
      await Promise.all(clients.map(({ closed }) => closed));
      return { seen, longest: Math.round(longest) };
    },
  };
}
