import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import { BODY_GOAL, COMMANDS_PER_MESSAGE, stale } from '../wire.js';

/** A command of this node. `waiting`: not sent; `sent`: not confirmed by the broker; `safe`: confirmed; `over`: answered. */
export interface Request {
  readonly command: Command;
  readonly partition: number;
  readonly onAnswer: (answer: Answer) => void;
  readonly deadline: number;
  state: 'waiting' | 'sent' | 'safe' | 'over';
  batch: Batch | null;
  /** Sent before, over a connection that ended before the broker had said anything: it may be there. */
  again: boolean;
}

/** What was sent in one AMQP message. */
export interface Batch {
  readonly id: string;
  readonly requests: readonly Request[];
  /** How many of them are not over. */
  open: number;
}

/** Takes from the head of a lane what goes into one message, without those that are over. Empty only with the lane. */
export function takeHead(lane: Request[]): { readonly requests: readonly Request[]; readonly body: Buffer } {
  const requests: Request[] = [];
  const texts: string[] = [];
  let size = 0;
  let taken = 0;
  for (const request of lane) {
    if (requests.length >= COMMANDS_PER_MESSAGE || size >= BODY_GOAL) break;
    taken++;
    if (request.state === 'over') continue;
    const text = JSON.stringify(request.again ? { ...stale(request.command), again: true } : request.command);
    size += text.length;
    requests.push(request);
    texts.push(text);
  }
  lane.splice(0, taken);
  return { requests, body: Buffer.from(`[${texts.join(',')}]`) };
}
