import type { Log } from '../engine/ports.js';
import type { Config } from './config.js';
import { isPretty } from './logging.js';

/** Prints the addresses: one log line, and for a person on a terminal also two commands to paste. */
export function greet(config: Config, node: { host: string; port: number }, log: Log): void {
  const any = ['0.0.0.0', '::'].includes(node.host);
  const host = any ? 'localhost' : node.host.includes(':') ? `[${node.host}]` : node.host;
  const http = `http://${host}:${node.port}`;
  const ws = `ws://${host}:${node.port}/ws/updates/{room_id}`;
  const access = any
    ? 'AUTH=off, and it listens on all addresses: anybody who can reach this machine can read and post'
    : `AUTH=off, so it listens on ${node.host} only; HOST=0.0.0.0 opens it to others`;
  log.info(
    {
      http,
      ws,
      documentation: `${http}/api/openapi`,
      broker: config.BROKER,
      store: config.STORE,
      role: config.ROLE,
    },
    `listening: ${access}`,
  );
  if (config.ORIGINS.includes('*'))
    log.warn(
      {},
      'ORIGINS=*: every page that a browser shows may read and post here, and any Host is accepted',
    );
  if (!isPretty(config.LOG_FORMAT)) return;
  process.stdout.write(`
  Parlor is running  (broker: ${config.BROKER}, store: ${config.STORE})

    WebSocket       ${ws}
    API             ${http}/api/openapi

  Next: open two more terminals, and send the first message:

    npx wscat -c '${ws.replace('{room_id}', '42')}?user=alice'
    curl -X POST ${http}/api/rooms/42/messages -H 'content-type: application/json' -d '{"user":"bob","text":"Hello"}'

`);
}
