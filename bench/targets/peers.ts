import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Told } from './peer.js';
import { startProcess } from './process.js';
import type { DialectName } from '../load/plan.js';
import type { PeerName, Target } from './kinds.js';

interface Peer {
  readonly file: string;
  readonly dialect: DialectName;
  /** How results call it, before its version. */
  readonly title: string;
  /** The npm package whose version counts. */
  readonly package: string;
  readonly settings: string;
}

const UWS = 'uWebSockets.js (npm: uwebsockets)';

/** The peers in Node.js: each a program of this folder. */
const PEERS: Readonly<Record<PeerName, Peer>> = {
  'uws-raw': {
    file: './uws-raw.js',
    dialect: 'plain',
    title: UWS,
    package: 'uWebSockets.js',
    settings: 'app.publish in the message handler, as its examples do; no compression',
  },
  'uws-gathered': {
    file: './uws-gathered.js',
    dialect: 'plain',
    title: UWS,
    package: 'uWebSockets.js',
    settings:
      'posts gathered for TURNS=2 turns of the event loop and published together, no compression; with ACKS=1 an ack for each',
  },
  'uws-relay': {
    file: './uws-relay.js',
    dialect: 'plain',
    title: `${UWS} and amqplib`,
    package: 'uWebSockets.js',
    settings:
      'publishes what a client says to a fanout exchange (transient, no confirms), and what comes from there to its clients',
  },
  ws: {
    file: './ws.js',
    dialect: 'plain',
    title: 'ws',
    package: 'ws',
    settings:
      'the broadcast of its README, a set per room, perMessageDeflate off, no tracking of clients; with FRAMES=1 one prebuilt frame',
  },
  'socket.io': {
    file: './socket-io.js',
    dialect: 'socket.io',
    title: 'socket.io',
    package: 'socket.io',
    settings:
      'io.to(room).emit, WebSocket only, engine ws, perMessageDeflate off, initial HTTP request discarded',
  },
  'fastify-node': {
    file: './fastify-node.js',
    // It speaks HTTP; there is nothing to connect to over a WebSocket.
    dialect: 'plain',
    title: 'fastify',
    package: 'fastify',
    settings:
      'node:http, no logger, the schemas and the validation of Parlor, the route does nothing but answer',
  },
};

export function isPeer(name: string): name is PeerName {
  return Object.hasOwn(PEERS, name);
}

/** Starts a peer on a free port, with these settings in its environment. */
export async function startPeer(name: PeerName, settings: Readonly<Record<string, string>>): Promise<Target> {
  const peer = PEERS[name];
  const server = startProcess({
    program: process.execPath,
    args: [fileURLToPath(new URL(peer.file, import.meta.url))],
    env: { ...settings, NODE_ENV: 'production' },
    channel: true,
  });
  const { child } = server;
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${name} ended`);
  });
  // Looked at only while something is awaited.
  ended.catch(() => undefined);
  const told = async (): Promise<Told> => {
    const [message] = (await Promise.race([once(child, 'message'), ended])) as [Told];
    return message;
  };
  const first = await told();
  if (!('port' in first)) throw new Error(`${name} did not tell its port`);
  return {
    ...server,
    name,
    port: first.port,
    dialect: peer.dialect,
    greets: false,
    version: `${peer.title} ${versionOf(peer.package)}`,
    settings: peer.settings,
    brokerCpuSeconds: () => null,
    brokerUrl: null,
    async heapBytes() {
      const answer = told();
      child.send('heap');
      const said = await answer;
      return 'heapBytes' in said ? said.heapBytes : null;
    },
  };
}

const require = createRequire(import.meta.url);

/** The version of an installed npm package. */
export function versionOf(name: string): string {
  // Not every package exports its package.json, so it is looked for where packages are.
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return (require(`${folder}/${name}/package.json`) as { version: string }).version;
    } catch {
      continue; // Not in this folder.
    }
  }
  throw new Error(`${name} is not installed`);
}
