import type { JoinCommand } from '../messages/commands.js';
import { NAMES_PER_WORD, type Check, type Checked } from '../messages/words.js';
import type { Broker, Clock } from '../ports.js';
import { REPEAT_MS } from './roll-call.js';

interface Parts {
  readonly nodeId: string;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly newId: () => string;
}

interface Question {
  readonly node: string;
  readonly word: Check;
  readonly joins: readonly JoinCommand[];
  repeatAt: number;
}

/**
 * A join arrives a second time if the room has a new home before the first delivery was acknowledged, or if its sender lost
 * the link before the broker had confirmed it. By then the connection may have ended, and its leave may have come before
 * this join. So the room asks the connection's node, and goes on asking until the node answers or is gone.
 */
export class LateJoins {
  /** By node: not asked about yet. */
  private readonly joins = new Map<string, JoinCommand[]>();
  private readonly questions = new Map<string, Question>();

  constructor(
    private readonly roomId: string,
    private readonly parts: Parts,
  ) {}

  get isEmpty(): boolean {
    return this.joins.size === 0 && this.questions.size === 0;
  }

  add(join: JoinCommand): void {
    const joins = this.joins.get(join.node_id);
    if (joins) joins.push(join);
    else this.joins.set(join.node_id, [join]);
  }

  /** Asks about the joins that were added since: one question to each node, or more if they are many. */
  ask(): void {
    const { nodeId: node_id, newId, clock } = this.parts;
    for (const [node, all] of this.joins) {
      for (let i = 0; i < all.length; i += NAMES_PER_WORD) {
        const joins = all.slice(i, i + NAMES_PER_WORD);
        const connection_ids = joins.map(({ connection_id }) => connection_id);
        const word: Check = {
          type: 'check',
          room_id: this.roomId,
          node_id,
          check_id: newId(),
          connection_ids,
        };
        this.questions.set(word.check_id, { node, word, joins, repeatAt: clock.elapsed() + REPEAT_MS });
        this.parts.broker.say(word, node);
      }
    }
    this.joins.clear();
  }

  /** The joins whose connections are gone. Empty for an answer that nobody waits for. */
  answered({ check_id, gone }: Checked): readonly JoinCommand[] {
    const question = this.questions.get(check_id);
    this.questions.delete(check_id);
    return question?.joins.filter(({ connection_id }) => gone.includes(connection_id)) ?? [];
  }

  nodeGone(nodeId: string): void {
    this.joins.delete(nodeId);
    for (const [id, { node }] of this.questions) if (node === nodeId) this.questions.delete(id);
  }

  /** When a node that has not answered is asked again; monotonic, ms. */
  get nextRepeat(): number {
    let next = Infinity;
    for (const { repeatAt } of this.questions.values()) next = Math.min(next, repeatAt);
    return next;
  }

  repeat(now: number): void {
    for (const question of this.questions.values()) {
      if (now < question.repeatAt) continue;
      question.repeatAt = now + REPEAT_MS;
      this.parts.broker.say(question.word, question.node);
    }
  }
}
