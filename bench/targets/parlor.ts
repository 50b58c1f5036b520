import { fileURLToPath } from 'node:url';
import { VERSION } from '../../api/version.js';
import { freePorts } from '../../test/support/ports.js';
import { until } from '../../test/support/until.js';
import { newPlace } from '../stores/places.js';
import { findBefore } from './before.js';
import { startBroker, type Broker } from './broker.js';
import { COLLECTING } from './collecting.js';
import { readGauge } from './counters.js';
import { startPeer } from './peers.js';
import { hasEnded, startProcess } from './process.js';
import type { Target } from './kinds.js';
import { GATHER } from './gather.js';

/** In pino's JSON: warn, error and fatal. That a node with STORE=memory is alone on its broker, and that Node is an old one, is as it should be here. */
const COMPLAINT = /"level":[456]0(?!.*(the only node|is out of support))/;
const START_MS = 30_000;
/** Garbage is collected until the heap gets smaller by less than a hundredth. */
const STABLE = 0.99;

type Settings = Readonly<Record<string, string>>;

/** Of a target whose broker is inside of its process. */
const NO_BROKER = { brokerCpuSeconds: () => null, brokerUrl: null };

/** Parlor itself, with its memory store and the broker inside of its process if `settings` say nothing else. */
export async function startParlor(settings: Settings): Promise<Target> {
  const { port, server } = await startNode({ STORE: 'memory', BROKER: 'in-process', ...settings });
  const target = { ...describe('parlor', port), ...server, ...NO_BROKER };
  if (!(COLLECTING in settings)) return target;
  return {
    ...target,
    async collect() {
      // The signal may come to it after the next request, and a first collection leaves some garbage.
      let before = Infinity;
      for (;;) {
        server.child.kill('SIGUSR2');
        await target.heapBytes();
        const now = await target.heapBytes();
        if (now > before * STABLE) return;
        before = now;
      }
    },
  };
}

/** Parlor as `make run` starts it: it keeps messages in SQLite, in a file of its own, which is gone after the run. */
export async function startParlorOnSqlite(settings: Settings): Promise<Target> {
  const place = await newPlace('sqlite', null);
  return withRelease(
    () => place.remove(),
    async () => {
      const { port, server } = await startNode({ BROKER: 'in-process', ...settings, ...place.settings });
      return { ...describe('parlor-sqlite', port), ...server, ...NO_BROKER };
    },
  );
}

/** `startParlor` of another version, the one that PARLOR_BEFORE names. Throws when there is none. */
export async function startParlorBefore(settings: Settings): Promise<Target> {
  const { main, version } = findBefore();
  const { port, server } = await startNode({ STORE: 'memory', BROKER: 'in-process', ...settings }, main);
  return {
    ...describe('parlor-before', port),
    version: `parlor ${version}`,
    ...server,
    ...NO_BROKER,
  };
}

/**
 * Parlor over RabbitMQ: over the one whose AMQP_URL is in `settings`, for a second node of a cluster, else over a
 * private one, which ends with it.
 */
export async function startParlorOnRabbit(settings: Settings): Promise<Target> {
  const given = settings['AMQP_URL'];
  const broker: Broker = given === undefined ? await startBroker() : borrowed(given);
  return withRelease(
    () => broker.close(),
    async () => {
      const over = { BROKER: 'rabbitmq', AMQP_URL: broker.url };
      const { port, server } = await startNode({ STORE: 'memory', ...settings, ...over });
      return { ...describe('parlor-rabbitmq', port), ...server, ...figuresOf(broker) };
    },
  );
}

/** A relay over RabbitMQ: over the one whose AMQP_URL is in `settings`, else over a private one, which ends with it. */
export async function startRelay(settings: Settings): Promise<Target> {
  const given = settings['AMQP_URL'];
  const broker: Broker = given === undefined ? await startBroker() : borrowed(given);
  return withRelease(
    () => broker.close(),
    async () => {
      const relay = await startPeer('uws-relay', { ...settings, AMQP_URL: broker.url });
      return { ...relay, ...figuresOf(broker) };
    },
  );
}

/** Starts a target; `release` frees what it needs, after it has stopped, or if it does not start. */
async function withRelease(release: () => Promise<void>, start: () => Promise<Target>): Promise<Target> {
  try {
    const target = await start();
    return {
      ...target,
      async stop() {
        await target.stop();
        await release();
      },
    };
  } catch (cause) {
    await release();
    throw cause;
  }
}

function figuresOf(broker: Broker): Pick<Target, 'brokerCpuSeconds' | 'brokerUrl'> {
  return { brokerCpuSeconds: () => broker.cpuSeconds(), brokerUrl: broker.url };
}

function borrowed(url: string): Broker {
  return { url, cpuSeconds: () => null, close: async () => undefined };
}

const IN_MEMORY = 'its defaults, but STORE=memory; the broker is inside of the process';
const SETTINGS = {
  parlor: IN_MEMORY,
  'parlor-sqlite':
    'its defaults, as make run starts it: SQLite with synchronous=FULL, the broker inside of the process',
  'parlor-before': IN_MEMORY,
  'parlor-rabbitmq':
    'its defaults, but STORE=memory and BROKER=rabbitmq: quorum queues, persistent messages, confirms',
} as const;

function describe(name: keyof typeof SETTINGS, port: number) {
  return {
    name,
    port,
    dialect: 'parlor' as const,
    greets: true,
    version: `parlor ${VERSION}`,
    settings: SETTINGS[name],
    heapBytes: () => readGauge(port, 'nodejs_heap_size_used_bytes'),
  };
}

/** Starts the program. The port is chosen here, so that it need not log at all to be found. */
async function startNode(settings: Settings, main = programFor(settings)) {
  const [port] = (await freePorts(1)) as [number];
  const server = startProcess({
    program: process.execPath,
    args: [main],
    env: { LOG_LEVEL: 'info', ...settings, PORT: String(port), LOG_FORMAT: 'json', NODE_ENV: 'production' },
    complaint: COMPLAINT,
    channel: false,
  });
  try {
    await until(
      () => {
        if (hasEnded(server.child)) throw new Error('the target ended before it listened');
        return isReady(port);
      },
      { timeoutMs: START_MS, what: 'Parlor to be ready' },
    );
  } catch (cause) {
    await server.stop();
    throw cause;
  }
  return { port, server };
}

/** With a rule of gathering, or to collect garbage, which are no settings, it is a program of its own. */
function programFor(settings: Settings): string {
  const main =
    GATHER in settings
      ? './parlor-gathering.js'
      : COLLECTING in settings
        ? './parlor-collecting.js'
        : '../../server/main.js';
  return fileURLToPath(new URL(main, import.meta.url));
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
  } catch {
    return false; // It does not listen yet.
  }
}
