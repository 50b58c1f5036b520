import type { Logger } from 'pino';
import { createInProcessBroker } from '../adapters/in-process/broker.js';
import { createStreams } from '../adapters/sse/streams.js';
import { watchOpenFiles } from '../adapters/system/open-files.js';
import type { GatherRule } from '../adapters/uws/gathered-outlet.js';
import { systemClock } from '../adapters/system/clock.js';
import { atMost } from '../engine/at-most.js';
import type { EngineOptions } from '../engine/engine.js';
import { errorText } from '../engine/errors.js';
import { newId } from '../engine/ids.js';
import type { Broker, Meter, Outlet, Store } from '../engine/ports.js';
import { BARE, presetFor } from '../engine/room/presets.js';
import { Arrivals } from './arrivals.js';
import { createClientAddress } from './client-address.js';
import type { Config } from './config.js';
import { engineRates } from './rate-settings.js';
import { freePort } from './free-port.js';
import type { NodeLog } from './logging.js';
import { createLongPolls } from './long-polls.js';
import { createReadDoor } from './read-door.js';
import { readPage, type PageFiles } from './page-files.js';
import { readsOf } from './reads.js';
import { createGuard } from './origins.js';
import { createRefusals } from './refusals.js';
import { shortPost } from './short-post.js';
import { createStore, createVerifier } from './stores.js';
import { readTlsFiles } from './tls-files.js';
import { renewals } from './tls-renewal.js';
import { createDoor, refusedHandshake, SUBPROTOCOL, WS_PATTERNS } from './websocket.js';
import type { Worker } from './worker.js';

export interface Node {
  readonly host: string;
  readonly port: number;
  /** The worker's own port; null: it has none. */
  readonly metricsPort: number | null;
  /** From now on /health/ready reports that the node is going down. Everything else continues. */
  announceStop(): void;
  /** Reads the certificate and its key again, for new connections. What is wrong with them is logged. */
  renewCertificate(): Promise<void>;
  /** Drains within about `ms`, and ends; resolves when everything is closed. */
  stop(ms: number): Promise<void>;
}

/** Options that are not settings. */
export interface Extra extends Pick<EngineOptions, 'fault' | 'faultAfter' | 'typingMs'> {
  /** Set for a worker: it shares its port with others, and their parent has checked that the port is free. */
  readonly worker?: Worker | undefined;
  /** For measurements: how frames gather on their way out. */
  readonly gather?: GatherRule;
}

/** Puts a node together and listens. Rejects with a message of one line that says what to do. */
export async function startNode(
  config: Config,
  log: NodeLog,
  { worker, gather, ...extra }: Extra = {},
): Promise<Node> {
  const tls = readTlsFiles(config);
  const store = openAtOnce(await createStore(config, log));
  const { createUwsServer, createWebSockets, createHttpBridge } = await loadUws();
  const { createEngine } = await import('../engine/engine.js');
  const { createMetrics } = await import('./metrics.js');
  const { createApp } = await import('./app.js');
  const metrics = createMetrics(worker);
  const server = createUwsServer(tls);
  const base = { ...BARE, grace_ms: config.GRACE_MS, idle_ms: config.IDLE_MS };
  const outlet: { current: Outlet | null } = { current: null };
  const streams = createStreams({ maxBufferedBytes: config.MAX_BUFFERED_BYTES, pingS: config.PING_S });
  const nodeId = newId();
  const engine = createEngine(
    {
      nodeId,
      presets: config.ROOM_PRESETS,
      base,
      recoveryLimit: config.RECOVERY_LIMIT,
      presenceLimit: config.PRESENCE_LIMIT,
      maxRooms: config.MAX_ROOMS,
      roomsPerConnection: config.ROOMS_PER_CONNECTION,
      retentionMs: config.RETENTION_MS,
      commitBatch: config.COMMIT_BATCH,
      commitLingerMs: config.COMMIT_LINGER_MS,
      loopDelayMs: config.LOOP_DELAY_MS,
      abusePauseMs: config.ABUSE_PAUSE_MS,
      ...engineRates(config),
      ...extra,
    },
    {
      broker: await createBroker(config, log, metrics, nodeId, store),
      store,
      outlet: {
        bufferBytes: config.MAX_BUFFERED_BYTES,
        publish(topic, frame) {
          outlet.current?.publish(topic, frame);
          streams.publish(topic, frame);
        },
        expectMore(isExpected) {
          outlet.current?.expectMore(isExpected);
        },
      },
      clock: systemClock,
      log,
      meter: metrics,
      verifier: await createVerifier(config, log),
    },
  );
  const readDoor = createReadDoor();
  metrics.watch(() => ({ ...engine.stats(), readsWaiting: readDoor.waiting, streams: streams.count }));

  const { MAX_BODY_BYTES: maxBodyBytes } = config;
  const addressOf = createClientAddress(config.TRUSTED_PROXIES, log);
  const refusals = createRefusals(log, metrics, addressOf);
  const http = createHttpBridge({
    // Twice as much as Fastify allows, whose refusal says more.
    maxBodyBytes: maxBodyBytes * 2,
    bodyTimeoutMs: config.BODY_TIMEOUT_MS,
    refuse: (refused) => refusals.refuse(refused),
    onError: (cause) => log.error({ cause: errorText(cause) }, 'http: a handler failed'),
  });
  const files = watchOpenFiles({
    ...{ clock: systemClock, log },
    changed(now) {
      // A connection that closes with its answer gives back a file.
      http.closeConnections(stopping || now !== 'free');
      if (now === 'out') server.stopListening();
      else if (!stopping)
        server
          .listenAgain()
          .catch((cause: unknown) => log.error({ cause: errorText(cause) }, 'listening again failed'));
    },
  });
  let stopping = false;
  const takesConnections = config.ROLE !== 'home';
  const presetOf = (roomId: string) => presetFor(roomId, config.ROOM_PRESETS, base);
  const isFull = (): boolean => files.look() !== 'free';
  const guard = createGuard(config.ORIGINS, config.HOSTS);
  const arrivals = new Arrivals(config, systemClock);
  const door = { engine, log, metrics, guard, isFull, arrivals };
  const reads = readsOf(store, readDoor);
  const app = await createApp(
    {
      engine,
      store: reads,
      longPolls: createLongPolls({ ...door, store: reads, clock: systemClock }),
      metrics,
      guard,
      addressOf,
      clock: systemClock,
      presetOf,
      page: takesConnections ? pageOf(config, log) : null,
      streams: takesConnections ? { arrivals, log, isFull, open: (answer) => streams.open(answer) } : null,
    },
    { log, maxBodyBytes, refusals, serverFactory: http.serverFactory },
  );
  if (takesConnections) {
    const letIn = createDoor(door);
    const sockets = createWebSockets({
      patterns: WS_PATTERNS,
      protocol: SUBPROTOCOL,
      maxFrameBytes: config.MAX_FRAME_BYTES,
      maxBufferedBytes: config.MAX_BUFFERED_BYTES,
      pingS: config.PING_S,
      silenceS: config.SILENCE_S,
      ...(gather ? { gather } : {}),
      opened: (socket) =>
        socket.upgrade
          ? letIn(socket, socket.upgrade, (handler) => {
              socket.handler = handler;
            })
          : null,
      addressOf,
      refused: (fault, upgrade) => refusedHandshake({ log, metrics }, fault, upgrade),
    });
    server.attach(sockets.attach);
    outlet.current = sockets.outlet;
  }
  const shortCut = shortPost({ engine, metrics, guard, addressOf, clock: systemClock, maxBodyBytes }, log);
  server.attach((uws) => http.attach(uws, [shortCut]));

  await engine.start();
  const free = worker ? config.PORT : await freePort(config.HOST, config.PORT);
  // With TLS, a new certificate has a listener of its own, which takes over from the one before. uWebSockets.js does not
  // share a port that the system has chosen.
  const port = await (worker || tls !== null
    ? server.listen(config.HOST, free, 'shared')
    : server.listen(config.HOST, config.PORT, 'exclusive'));
  const metricsPort = worker && config.METRICS_PORT > 0 ? config.METRICS_PORT + worker.number : null;
  if (metricsPort !== null) await server.listen(config.HOST, metricsPort, 'exclusive');
  return {
    host: config.HOST,
    port,
    metricsPort,
    announceStop: () => engine.announceStop(),
    renewCertificate: renewals({
      first: tls,
      read: () => readTlsFiles(config),
      use: (files) => server.changeCertificate(files),
      ...{ log, clock: systemClock },
    }),
    async stop(ms) {
      stopping = true;
      files.end();
      server.stopListening();
      http.closeConnections(true);
      await engine.drain(ms);
      await atMost(systemClock, LAST_ANSWERS_MS, http.drained());
      await app.close();
      await engine.stop(0);
      server.close();
    },
  };
}

/** How long requests that read the store may still take when everything else has ended, ms. */
const LAST_ANSWERS_MS = 1_000;

/** As node:http's (--max-http-header-size). */
const MAX_HEAD_BYTES = 16_384;

/** The chat page, unless PAGE=off. */
function pageOf({ PAGE, AUTH }: Config, log: NodeLog): PageFiles | null {
  if (PAGE === 'off') return null;
  const page = readPage(AUTH);
  if (page === null) log.warn({}, 'the chat page is not built: make build, or PAGE=off');
  return page;
}

/**
 * Starts the store now, and not when the engine starts: most of a start is loading code, and SQLite's threads load theirs and
 * open the file meanwhile.
 */
function openAtOnce(store: Store): Store {
  const opened = store.start();
  // The engine's start rejects with the same; until then it is not unhandled.
  opened.catch(() => undefined);
  return { ...store, start: () => opened };
}

/** Loads uWebSockets.js, which is a binary. If none fits this machine, rejects with one line that says so. */
async function loadUws() {
  // Read when uWebSockets.js is loaded. Its default of 4 KB is too small for large cookies and tokens.
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(MAX_HEAD_BYTES);
  try {
    const { createUwsServer } = await import('../adapters/uws/server.js');
    const { createWebSockets } = await import('../adapters/uws/websockets.js');
    const { createHttpBridge } = await import('../adapters/http/bridge.js');
    return { createUwsServer, createWebSockets, createHttpBridge };
  } catch (cause) {
    const reason = errorText(cause).replaceAll(/\s+/g, ' ');
    throw new Error(
      `uWebSockets.js has no binary that loads here (Node ${process.versions.node}, ${process.platform} ${process.arch}): ` +
        `use Node 20 on Linux with glibc 2.27 or newer, or Node 22 or 24 with glibc 2.38 or newer (Debian 13, Ubuntu 24.04). ${reason}`,
      { cause },
    );
  }
}

/** The broker that the settings name. Only its adapter is loaded. */
async function createBroker(
  config: Config,
  log: Logger,
  meter: Meter,
  nodeId: string,
  store: Store,
): Promise<Broker> {
  switch (config.BROKER) {
    case 'in-process':
      return createInProcessBroker({ clock: systemClock });
    case 'rabbitmq': {
      const { createRabbitBroker } = await import('../adapters/rabbitmq/broker.js');
      return createRabbitBroker({
        urls: config.AMQP_URL,
        partitions: config.PARTITIONS,
        store: () => store.identity(),
        role: config.ROLE,
        replyTimeoutMs: config.REPLY_TIMEOUT_MS,
        nodeId,
        log,
        meter,
        clock: systemClock,
        isStoreReady: () => store.state().ready,
      });
    }
  }
}
