import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const LOWEST = 10_000;
const RANGE_FILE = '/proc/sys/net/ipv4/ip_local_port_range';
/** Those this process was given: until a server listens, a port looks free to whoever asks next. */
const given = new Set<number>();

/**
 * Ports of 127.0.0.1 on which nothing listens, none of them given before in this process.
 *
 * They lie below the range from which the system takes the ports of outgoing connections. A port from inside it may
 * be taken while its server is down for a moment; a client that keeps trying can even connect to itself.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = LOWEST + Math.floor(Math.random() * (lowestOutgoing() - LOWEST));
    if (given.has(port)) continue;
    given.add(port);
    if (await canListen(port)) found.push(port);
  }
  return found;
}

/** Does something accept connections on this port of 127.0.0.1? */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false; // Refused: nobody listens.
  } finally {
    socket.destroy();
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false; // In use.
  }
  server.close();
  await once(server, 'close');
  return true;
}

function lowestOutgoing(): number {
  try {
    // A system whose range begins very low leaves no room below it.
    return Math.max(Number(readFileSync(RANGE_FILE, 'utf8').split(/\s+/)[0]), LOWEST + 5_000);
  } catch {
    return 32_768; // Not Linux: the range begins here or higher.
  }
}
