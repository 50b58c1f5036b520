import Fastify from 'fastify';
import type { Test } from 'tap';
import { systemClock } from '../../adapters/system/clock.js';
import { createHttpBridge } from '../../adapters/http/bridge.js';
import { createUwsServer } from '../../adapters/uws/server.js';
import { createApp } from '../../api/app.js';
import { createMetrics } from '../../api/metrics.js';
import { createGuard } from '../../api/origins.js';
import type { AppParts } from '../../api/parts.js';
import { createRefusals } from '../../api/refusals.js';
import { shortPost } from '../../api/short-post.js';
import { OPEN_ACCESS } from '../support/access.js';
import type { Grant } from '../../engine/access/grant.js';
import { ERRORS, type ErrorCode } from '../../engine/errors.js';
import { refused, type Answer } from '../../engine/messages/answers.js';
import type { Command } from '../../engine/messages/commands.js';
import { BARE } from '../../engine/room/presets.js';

/** The largest body that the app takes, bytes. */
export const MAX_BODY_BYTES = 4096;

/** An HTTP server whose posts go to an engine that is not there, the short way or the long one. */
export interface Way {
  readonly port: number;
  /** What reached the engine. */
  readonly commands: Command[];
  /** Requests that the short cut answered. */
  readonly taken: { count: number };
  /** Request lines and the like, without what differs from run to run. */
  readonly log: object[];
  /** How many refusals were counted, by code, and how many requests, by route and status. */
  counts(): Promise<readonly string[]>;
  inFlight(): number;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;

/** A text without the ids that were made for it. */
export const plain = (text: string): string => text.replaceAll(UUID, '<id>');

/** An engine that does what the text of a post says. */
function answerOf(command: Command): Promise<Answer> {
  if (command.type !== 'post') throw new Error(`a command of type ${command.type}`);
  const { id, room_id, user, text } = command;
  const wish = text.trim();
  if (wish === 'crash') throw new Error('crashed, as was asked');
  if (wish === 'queue') return Promise.resolve({ type: 'queued' });
  if (wish === 'done') return Promise.resolve({ type: 'done' });
  if (Object.hasOwn(ERRORS, wish))
    return Promise.resolve(refused({ code: wish as ErrorCode, message: `“${wish}”` }));
  const message = { type: 'message_posted', event_id: id, room_id, seq: 7, user, text } as const;
  return Promise.resolve({ type: 'posted', message: { ...message, at: '2026-01-01T00:00:00.000Z' } });
}

export async function serve(t: Test, short: boolean, answer = answerOf): Promise<Way> {
  const commands: Command[] = [];
  const log: object[] = [];
  const taken = { count: 0 };
  const metrics = createMetrics();
  const engine = {
    isOverloaded: () => false,
    access: OPEN_ACCESS,
    request(command: Command, _: Grant) {
      commands.push(command);
      return answer(command);
    },
    ask(command: Command, _: Grant, answered: (answer: Answer) => void) {
      commands.push(command);
      void answer(command).then(answered, (cause: unknown) => t.fail(String(cause)));
    },
  } as AppParts['engine'];
  const write = (line: string): void => {
    const { level, request_id, cause, method, url, status, ip, msg } = JSON.parse(plain(line)) as Record<
      string,
      unknown
    >;
    log.push({ level, request_id, cause, method, url, status, ip, msg });
  };
  const { log: logger } = Fastify({ logger: { stream: { write } } });
  const requestLog = {
    error: (fields: object, text: string) => logger.error(fields, text),
    requested: (fields: object) => logger.info(fields, 'request'),
  };
  const guard = createGuard([], ['chat.example']);
  const addressOf = (peer: string): string => peer;
  const refusals = createRefusals(requestLog, metrics, addressOf);
  const bridge = createHttpBridge({
    maxBodyBytes: 2 * MAX_BODY_BYTES,
    refuse: (given) => refusals.refuse(given),
    onError: (cause) => t.fail(String(cause)),
  });
  const parts = {
    engine,
    metrics,
    guard,
    addressOf,
    store: {} as AppParts['store'],
    longPolls: {} as AppParts['longPolls'],
    clock: systemClock,
    presetOf: () => BARE,
    page: null,
    streams: null,
  };
  const app = await createApp(parts, {
    log: logger,
    maxBodyBytes: MAX_BODY_BYTES,
    refusals,
    serverFactory: bridge.serverFactory,
  });
  const cut = shortPost(
    { engine, metrics, guard, addressOf, clock: systemClock, maxBodyBytes: MAX_BODY_BYTES },
    requestLog,
  );
  const counted: typeof cut = {
    ...cut,
    take(...given) {
      const carryOut = cut.take(...given);
      if (carryOut !== null) taken.count++;
      return carryOut;
    },
  };
  const server = createUwsServer();
  server.attach((uws) => bridge.attach(uws, short ? [counted] : []));
  const port = await server.listen('127.0.0.1', 0, 'exclusive');
  t.teardown(async () => {
    await app.close();
    server.close();
  });
  return {
    ...{ port, commands, taken, log },
    inFlight: () => bridge.inFlight,
    counts: async () =>
      (await metrics.text())
        .split('\n')
        .filter((line) => /^parlor_(refusals|http_requests)_total{/.test(line))
        .sort(),
  };
}
