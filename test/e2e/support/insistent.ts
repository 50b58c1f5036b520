import { randomUUID } from 'node:crypto';
import type { Test } from 'tap';
import type { Parlor } from '../../support/parlor.js';
import { oneTo, readHistory, type MessageAsRead } from './chat.js';

/** Services that post one message after the other, each with its id again until it is accepted. */
export interface Insistent {
  /** What was answered 201, in the order of the answers. */
  readonly accepted: readonly MessageAsRead[];
  /** How often the answer was 503, or 202: durably queued, and nobody knows yet with which seq. */
  readonly putOff: number;
  /** Finishes the posts under way; resolves when every one of them is accepted. */
  stop(): Promise<void>;
}

/** `room` gets posts from `services` at once. Any answer but 201, 202 and 503 ends it, and `stop` rejects. */
export function startInsistent(
  parlor: Parlor,
  room: string,
  services: number,
  text = (n: string): string => n,
): Insistent {
  const accepted: MessageAsRead[] = [];
  let putOff = 0;
  let going = true;

  async function insist(body: { id: string; user: string; text: string }): Promise<void> {
    for (;;) {
      const answer = await parlor.post(room, body);
      if (answer.status === 201) return void accepted.push((await answer.json()) as MessageAsRead);
      const said = await answer.text();
      if (answer.status !== 503 && answer.status !== 202) throw new Error(`${answer.status} ${said}`);
      putOff++;
    }
  }

  const all = Promise.all(
    oneTo(services).map(async (service) => {
      for (let i = 1; going; i++) {
        await insist({ id: randomUUID(), user: `service ${service}`, text: text(`${service}.${i}`) });
      }
    }),
  );
  // Whoever stops them gets the rejection.
  all.catch(() => undefined);
  return {
    accepted,
    get putOff() {
      return putOff;
    },
    async stop() {
      going = false;
      await all;
    },
  };
}

/** What was accepted is there, once, with the seq that was answered; nothing else is; no seq is missing. */
export async function assertAllThere(
  t: Test,
  parlor: Parlor,
  room: string,
  { accepted }: Insistent,
): Promise<void> {
  const stored = await readHistory(parlor, room);
  t.same(
    stored.map(({ seq }) => seq),
    oneTo(stored.length),
    'every seq once, without a gap',
  );
  t.same(
    stored.map(({ id, seq, text }) => ({ id, seq, text })),
    [...accepted].sort((a, b) => a.seq - b.seq).map(({ id, seq, text }) => ({ id, seq, text })),
    'what was accepted, and nothing else',
  );
}
