import './head-size.js';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import uWS, { type TemplatedApp } from 'uWebSockets.js';
import { createHttpBridge, type HttpBridge, type HttpBridgeOptions } from '../../../adapters/http/bridge.js';

/** A Fastify app that listens, on whatever. */
export interface Running {
  readonly port: number;
  readonly fastify: FastifyInstance;
  close(): Promise<void>;
}

export interface RunningBridge extends Running {
  readonly bridge: HttpBridge;
  readonly app: TemplatedApp;
  /** What the bridge reported as thrown outside Fastify's own handling. */
  readonly faults: unknown[];
}

/** Adds routes to an app. */
export type Routes = (fastify: FastifyInstance) => void | Promise<void>;

export interface BridgeStart extends Partial<HttpBridgeOptions> {
  readonly fastify?: FastifyServerOptions;
  /** Attach this before the bridge takes every other path. */
  readonly before?: (app: TemplatedApp) => void;
}

const TEST_BODY_LIMIT_BYTES = 1024 * 1024;

/** `routes` behind uWebSockets.js. */
export async function startBridge(routes: Routes, start: BridgeStart = {}): Promise<RunningBridge> {
  const { fastify: options, before, ...bridgeOptions } = start;
  const faults: unknown[] = [];
  const bridge = createHttpBridge({
    maxBodyBytes: TEST_BODY_LIMIT_BYTES,
    onError: (cause) => faults.push(cause),
    ...bridgeOptions,
  });
  const fastify = Fastify({ ...options, serverFactory: bridge.serverFactory });
  await routes(fastify);
  await fastify.ready();
  const app = uWS.App();
  before?.(app);
  bridge.attach(app);
  const port = await new Promise<number>((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => {
      if (socket) resolve(uWS.us_socket_local_port(socket));
      else reject(new Error('uWS does not listen'));
    });
  });
  return {
    port,
    fastify,
    bridge,
    app,
    faults,
    async close() {
      await fastify.close();
      app.close();
    },
  };
}

/** The same on node:http. */
export async function startNode(routes: Routes, options: FastifyServerOptions = {}): Promise<Running> {
  const fastify = Fastify({ ...options, forceCloseConnections: true });
  await routes(fastify);
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  const address = fastify.server.address();
  if (address === null || typeof address === 'string') throw new Error('node:http does not listen');
  return { port: address.port, fastify, close: async () => fastify.close() };
}
