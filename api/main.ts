#!/usr/bin/env node
import { existsSync, realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Logger } from 'pino';
import { createInProcessBroker } from '../adapters/in-process/broker.js';
import { createMemoryStore } from '../adapters/memory/store.js';
import { createRabbitBroker } from '../adapters/rabbitmq/broker.js';
import type { GatherRule } from '../adapters/uws/gathered-outlet.js';
import { systemClock } from '../adapters/system/clock.js';
import { createEngine, type EngineOptions } from '../engine/engine.js';
import { errorText } from '../engine/errors.js';
import { newId } from '../engine/ids.js';
import type { Broker, Log, Meter, Outlet, Store } from '../engine/ports.js';
import { BARE, presetFor } from '../engine/room/presets.js';
import { createApp } from './app.js';
import { greet } from './banner.js';
import { parseCommandLine, USAGE, type ExportCommand, type ImportCommand } from './command-line.js';
import { readConfig, type Config } from './config.js';
import { createLog, STANDARD_ERROR, type NodeLog } from './logging.js';
import { createMetrics } from './metrics.js';
import { readsOf } from './reads.js';
import { shortPost } from './short-post.js';
import { runTransfer } from './transfer/run.js';
import { VERSION } from './version.js';
import { letIn } from './websocket.js';

export interface Node {
  readonly host: string;
  readonly port: number;
  /** Drains and ends; resolves when everything is closed. */
  stop(): Promise<void>;
}

/** What is no setting: for tests and measurements. */
export interface Extra extends Pick<EngineOptions, 'fault' | 'faultAfter'> {
  /** How frames gather on their way out. */
  readonly gather?: GatherRule;
}

/** Puts everything together and listens. Rejects with one line that says what to do where it cannot. */
export async function startNode(
  config: Config,
  log: NodeLog,
  { gather, ...extra }: Extra = {},
): Promise<Node> {
  const { createUwsServer, attachWebSockets, createHttpBridge } = await loadUws();
  const metrics = createMetrics();
  const server = createUwsServer();
  const store = await createStore(config, log);
  const base = { ...BARE, grace_ms: config.GRACE_MS, idle_ms: config.IDLE_MS };
  const outlet: { current: Outlet | null } = { current: null };
  const nodeId = newId();
  const engine = createEngine(
    {
      nodeId,
      presets: config.ROOM_PRESETS,
      base,
      recoveryLimit: config.RECOVERY_LIMIT,
      presenceLimit: config.PRESENCE_LIMIT,
      maxRooms: config.MAX_ROOMS,
      retentionMs: config.RETENTION_MS,
      commitBatch: config.COMMIT_BATCH,
      commitLingerMs: config.COMMIT_LINGER_MS,
      ...extra,
    },
    {
      broker: createBroker(config, log, metrics, nodeId, store),
      store,
      outlet: {
        bufferBytes: config.MAX_BUFFERED_BYTES,
        publish: (topic, frame) => outlet.current?.publish(topic, frame),
      },
      clock: systemClock,
      log,
      meter: metrics,
    },
  );
  metrics.watch(() => engine.stats());

  const http = createHttpBridge({
    maxBodyBytes: config.MAX_BODY_BYTES * 2,
    onError: (cause) => log.error({ cause: errorText(cause) }, 'http: a handler failed'),
  });
  const presetOf = (roomId: string) => presetFor(roomId, config.ROOM_PRESETS, base);
  const app = await createApp(
    { engine, store: readsOf(store), metrics, presetOf },
    { log, maxBodyBytes: config.MAX_BODY_BYTES, serverFactory: http.serverFactory },
  );
  outlet.current = attachWebSockets(server.app, {
    pattern: '/ws/*',
    maxFrameBytes: config.MAX_FRAME_BYTES,
    maxBufferedBytes: config.MAX_BUFFERED_BYTES,
    silenceS: config.SILENCE_S,
    ...(gather ? { gather } : {}),
    opened: (socket) =>
      socket.upgrade ? letIn({ engine, log, meter: metrics }, socket, socket.upgrade) : null,
  });
  // The short cut knows no authentication, and there is none yet.
  http.attach(server.app, [shortPost({ engine, metrics, clock: systemClock }, log)]);

  await engine.start();
  const port = await server.listen(config.HOST, config.PORT);
  return {
    host: config.HOST,
    port,
    async stop() {
      server.stopListening();
      await engine.stop(config.DRAIN_MS);
      await Promise.race([http.drained(), new Promise<void>((over) => systemClock.after(1_000, over))]);
      await app.close();
      server.close();
    },
  };
}

/** What ending may take beyond DRAIN_MS; with its default a node is gone within 10 s. */
const STOP_MARGIN_MS = 1_500;

/** As node:http's (--max-http-header-size). */
const MAX_HEAD_BYTES = 16_384;

/** uWebSockets.js is a binary: where there is none for this machine, say so in one line instead of a stack. */
async function loadUws() {
  // uWebSockets.js reads it when it is loaded; its own limit, 4 KB, is less than cookies and tokens take.
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(MAX_HEAD_BYTES);
  try {
    const { createUwsServer } = await import('../adapters/uws/server.js');
    const { attachWebSockets } = await import('../adapters/uws/websockets.js');
    const { createHttpBridge } = await import('../adapters/uws/http/bridge.js');
    return { createUwsServer, attachWebSockets, createHttpBridge };
  } catch (cause) {
    const reason = errorText(cause).replaceAll(/\s+/g, ' ');
    throw new Error(
      `uWebSockets.js has no binary that loads here (Node ${process.versions.node}, ${process.platform} ${process.arch}): ` +
        `use Node 20 on Linux with glibc 2.27 or newer, or Node 22 or 24 with glibc 2.38 or newer (Debian 13, Ubuntu 24.04). ${reason}`,
      { cause },
    );
  }
}

function createBroker(config: Config, log: Logger, meter: Meter, nodeId: string, store: Store): Broker {
  switch (config.BROKER) {
    case 'in-process':
      return createInProcessBroker({ clock: systemClock });
    case 'rabbitmq':
      return createRabbitBroker({
        urls: config.AMQP_URL,
        partitions: config.PARTITIONS,
        replyTimeoutMs: config.REPLY_TIMEOUT_MS,
        nodeId,
        log,
        meter,
        clock: systemClock,
        isStoreReady: () => store.state().ready,
      });
  }
}

/** The store that the settings name; only its own adapter is loaded. `shared`: beside a server that uses the same store. */
async function createStore(config: Config, log: Log, shared = false): Promise<Store> {
  const timeoutMs = config.STORE_TIMEOUT_MS;
  switch (config.STORE) {
    case 'memory':
      return createMemoryStore({
        eventsPerRoom: config.MEMORY_EVENTS_PER_ROOM,
        eventsInAll: config.MEMORY_EVENTS,
        rooms: config.MEMORY_EVENTS,
      });
    case 'sqlite': {
      const { createSqliteStore } = await import('../adapters/sqlite/store.js');
      return createSqliteStore({ path: config.SQLITE_PATH, timeoutMs, log, clock: systemClock, shared });
    }
    case 'postgres': {
      const { createPostgresStore } = await import('../adapters/postgres/store.js');
      return createPostgresStore({
        url: config.DATABASE_URL,
        pool: config.DATABASE_POOL,
        timeoutMs,
        log,
        clock: systemClock,
      });
    }
  }
}

/** Runs until SIGTERM or SIGINT. Exit code 0 when drained, 1 when it could not start, 2 for wrong settings. */
export async function run(extra: Extra = {}): Promise<void> {
  const config = configOrExit();
  const log = createLog(config);
  let stopping: string | null = null;
  let node: Node | null = null;
  const stop = (signal: string): void => {
    if (stopping !== null) return;
    stopping = signal;
    log.info({ signal }, 'stopping');
    const late = new Promise<void>((over) =>
      systemClock.after(config.DRAIN_MS + STOP_MARGIN_MS, () => {
        log.warn({}, 'not everything could be finished in time');
        over();
      }),
    );
    void Promise.race([node?.stop(), late]).then(
      () => exit(log, 'stopped', 0),
      (cause: unknown) => exit(log, errorText(cause), 1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    node = await startNode(config, log, extra);
    greet(config, node, log);
  } catch (cause) {
    log.flush();
    process.exit(complain(errorText(cause), 1));
  }
}

/** `parlor export` and `parlor import`; resolves with the exit code. */
async function transfer(command: ExportCommand | ImportCommand): Promise<number> {
  const config = configOrExit();
  if (config.STORE === 'memory')
    return complain(`STORE=memory has nothing to ${command.command}: name sqlite or postgres`, 2);
  if (command.command === 'export' && config.STORE === 'sqlite' && !existsSync(config.SQLITE_PATH))
    return complain(`there is no database at ${config.SQLITE_PATH}: name it in SQLITE_PATH`, 1);
  // Standard output is the export's.
  const log = createLog({ LOG_LEVEL: 'warn', LOG_FORMAT: 'json' }, STANDARD_ERROR);
  let store: Store;
  try {
    store = await createStore(config, log, true);
  } catch (cause) {
    return complain(errorText(cause), 1);
  }
  return runTransfer(command, store);
}

/** Does what the arguments ask for; resolves when that is done, and with `serve` when it listens. */
async function main(args: readonly string[]): Promise<void> {
  const asked = parseCommandLine(args);
  switch (asked.command) {
    case 'serve':
      return run();
    case 'help':
      process.stdout.write(USAGE);
      return;
    case 'version':
      process.stdout.write(`${VERSION}\n`);
      return;
    case 'usage-error':
      process.exitCode = complain(asked.text, 2);
      return;
    case 'export':
    case 'import':
      process.exitCode = await transfer(asked);
  }
}

function configOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (cause) {
    process.exit(complain(errorText(cause), 2));
  }
}

/** One line on standard error; answers the exit code that goes with it. */
function complain(text: string, code: number): number {
  process.stderr.write(`parlor: ${text}\n`);
  return code;
}

function exit(log: Logger, text: string, code: number): void {
  log.info({ code }, text);
  log.flush();
  process.exit(code);
}

/** Whether this file is the program: also by the name of a link to it, as npm makes for `bin`. */
function isProgram(path: string | undefined): boolean {
  return path !== undefined && import.meta.url === pathToFileURL(realpathSync(path)).href;
}

if (isProgram(process.argv[1])) await main(process.argv.slice(2));
