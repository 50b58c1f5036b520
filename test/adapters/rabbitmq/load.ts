import type { Test } from 'tap';
import type { Answer } from '../../../engine/messages/answers.js';
import { until } from '../../support/until.js';
import { done, post, type TestNode } from './node.js';

export const ROOMS = ['a', 'b', 'c', 'd', 'e', 'f'];

export interface Tally {
  readonly answers: Map<string, Answer>;
  readonly counts: Record<string, number>;
  stop(): Promise<void>;
}

/** Posts into every room without a pause, about 2,000 a second, until it is stopped. */
export function load(node: TestNode): Tally {
  const answers = new Map<string, Answer>();
  const counts: Record<string, number> = {};
  let sent = 0;
  let open = 0;
  const timer = setInterval(() => {
    if (open > 1_500) return;
    for (let i = 0; i < 10; i++) {
      const room = ROOMS[sent % ROOMS.length] ?? 'a';
      const command = { ...post(room, String(sent++)), fresh: true };
      open++;
      node.broker.request(command, (answer) => {
        open--;
        if (answers.has(command.text)) throw new Error('a second answer');
        answers.set(command.text, answer);
        const kind = answer.type === 'refused' ? answer.code : answer.type;
        counts[kind] = (counts[kind] ?? 0) + 1;
      });
    }
  }, 5);
  return {
    answers,
    counts,
    async stop() {
      clearInterval(timer);
      await until(() => open === 0, { what: 'every post to be answered', timeoutMs: 30_000 });
    },
  };
}

/** What rooms do, whichever node is their home: a message id is carried out once. */
export class Rooms {
  readonly order = new Map<string, number[]>();
  readonly texts = new Set<string>();
  private readonly ids = new Set<string>();

  attach(node: TestNode): void {
    node.act = (delivery) => {
      const { command } = delivery;
      if (command.type === 'post' && !this.ids.has(command.id)) {
        this.ids.add(command.id);
        this.texts.add(command.text);
        this.order.set(command.room_id, [...(this.order.get(command.room_id) ?? []), Number(command.text)]);
      } else if (command.type === 'post' && command.fresh) throw new Error('a repeat that claims to be new');
      // A commit takes a moment, so an outage meets commands under way.
      setTimeout(() => done(delivery), 2);
    };
  }
}

/** What must hold whatever happened: nothing accepted is lost, and each room has its posts once, in order. */
export function check(t: Test, tally: Tally, rooms: Rooms): void {
  const accepted = [...tally.answers].filter(
    ([, answer]) => answer.type === 'done' || answer.type === 'queued',
  );
  const lost = accepted.filter(([text]) => !rooms.texts.has(text));
  t.same(lost, [], 'no accepted command is lost');
  for (const [room, order] of rooms.order) {
    t.same(
      order,
      [...order].sort((a, b) => a - b),
      `room ${room} has them in the order in which they were sent`,
    );
  }
}
