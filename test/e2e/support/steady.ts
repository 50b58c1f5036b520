import { randomUUID } from 'node:crypto';
import type { Parlor } from '../../support/parlor.js';

/** How somebody was answered who posts one message after the other into one room, each again until it is in the room. */
export interface Steady {
  readonly room: string;
  /** The ids of what was answered 201, in their order. */
  readonly posted: readonly string[];
  /** How often each other status was answered, or nothing at all. */
  readonly others: ReadonlyMap<string, number>;
  /** The longest time from the first sending of a post to its 201 since `forget`, ms. */
  readonly longest: number;
  forget(): void;
  /** Resolves when the last post is in the room. */
  stop(): Promise<void>;
}

/** Between two posts, ms: all rooms together are a load, and no flood. */
const PAUSE_MS = 25;
/** Before a post is sent again that was not answered 201, ms. */
const AGAIN_MS = 20;

export function startSteady(parlor: Parlor, room: string): Steady {
  const posted: string[] = [];
  const others = new Map<string, number>();
  let longest = 0;
  let going = true;

  async function status(id: string): Promise<string> {
    try {
      const answer = await parlor.post(room, { id, user: 'service', text: `${posted.length + 1}` });
      await answer.arrayBuffer();
      return String(answer.status);
    } catch {
      return 'none';
    }
  }

  async function one(): Promise<void> {
    const id = randomUUID();
    const asked = performance.now();
    for (;;) {
      const answered = await status(id);
      if (answered === '201') break;
      others.set(answered, (others.get(answered) ?? 0) + 1);
      await pause(AGAIN_MS);
    }
    posted.push(id);
    longest = Math.max(longest, performance.now() - asked);
  }

  async function post(): Promise<void> {
    while (going) {
      await one();
      await pause(PAUSE_MS);
    }
  }

  const all = post();
  return {
    room,
    posted,
    others,
    get longest() {
      return longest;
    },
    forget() {
      longest = 0;
      others.clear();
    },
    async stop() {
      going = false;
      await all;
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}
