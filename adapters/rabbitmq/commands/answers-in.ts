import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { newId } from '../../../engine/ids.js';
import type { Answer } from '../../../engine/messages/answers.js';
import type { IsNewer } from '../newer.js';

interface Parts {
  readonly nodeId: string;
  readonly onAnswers: (correlationId: string, answers: readonly (readonly [number, Answer])[]) => void;
  readonly isNewer: IsNewer;
  readonly broken: (reason: string) => void;
}

/**
 * Opens this node's own queue for answers and resolves with its name. The name is new each time: as long as the broker has
 * not noticed that a connection is dead, its exclusive queue is locked (405) for the next connection.
 */
export async function openAnswersIn(model: ChannelModel, parts: Parts): Promise<string> {
  const { nodeId, onAnswers, isNewer, broken } = parts;
  const channel = await model.createChannel();
  let reason = 'the reply queue was closed';
  channel.on('error', (cause) => (reason = cause.message));
  channel.on('close', () => broken(reason));
  const name = `parlor.replies.${nodeId}.${newId().slice(-12)}`;
  await channel.assertQueue(name, { exclusive: true, autoDelete: true, durable: false });
  const consume = (message: ConsumeMessage | null): void => {
    if (message === null) broken('the reply queue was deleted');
    // Dropped: the command ends by its timeout.
    else if (isNewer('answer', message)) return;
    else if (typeof message.properties.correlationId === 'string') {
      onAnswers(message.properties.correlationId, readAnswers(message.content));
    }
  };
  await channel.consume(name, consume, { noAck: true });
  return name;
}

const ANSWERS: ReadonlySet<string> = new Set<Answer['type']>([
  'posted',
  'joined',
  'opened',
  'described',
  'asserted',
  'done',
  'refused',
  'queued',
]);

/** Pairs of a position and an answer. Anything else is left out, and the command ends by its timeout. */
function readAnswers(body: Buffer): (readonly [number, Answer])[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return [];
  }
  return Array.isArray(value) ? value.filter(isPair) : [];
}

function isPair(value: unknown): value is readonly [number, Answer] {
  if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== 'number') return false;
  const answer: unknown = value[1];
  return (
    typeof answer === 'object' && answer !== null && 'type' in answer && ANSWERS.has(String(answer.type))
  );
}
