import type { FastifyRequest } from 'fastify';
import type { Engine } from '../engine/engine.js';
import { notDelivered, type Answer } from '../engine/messages/answers.js';
import type { Command } from '../engine/messages/commands.js';

/**
 * Sends a command to its room in the next turn of the event loop, unless the client has disconnected by then.
 * uWebSockets.js closes a connection when another request arrives in the same segment, behind one that is not answered
 * yet. A command that was sent at once would be carried out without an answer.
 */
export async function carryOut(
  engine: Pick<Engine, 'request'>,
  { raw, grant }: FastifyRequest,
  command: Command,
): Promise<Answer> {
  await new Promise((turn) => setImmediate(turn));
  // Deprecated in node:http, but `destroyed` is true for every request that was read. The bridge supports `aborted`.
  if ((raw as { aborted: boolean }).aborted) return notDelivered('no', GONE);
  return engine.request(command, grant);
}

const GONE = { code: 'unavailable', message: 'the client disconnected, so nothing was done' } as const;
