import type { FastifyRequest } from 'fastify';
import type { Engine } from '../engine/engine.js';
import { notDelivered, type Answer } from '../engine/messages/answers.js';
import type { Command } from '../engine/messages/commands.js';

/**
 * Sends a command to its room in the next turn, unless the client is gone by then. uWebSockets.js closes a connection on
 * which another request comes in the same piece, behind one that is not answered yet: what was begun at once would be
 * carried out without an answer.
 */
export async function carryOut(
  engine: Pick<Engine, 'request'>,
  { raw }: FastifyRequest,
  command: Command,
): Promise<Answer> {
  await new Promise((turn) => setImmediate(turn));
  // Deprecated in node:http, where `destroyed` is true for any request that was read; the bridge means it.
  if ((raw as { aborted: boolean }).aborted) return notDelivered('no', GONE);
  return engine.request(command);
}

const GONE = { code: 'unavailable', message: 'the client had gone, so nothing was done' } as const;
