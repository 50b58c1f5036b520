import type { Log } from '../engine/ports.js';
import { isLoopback } from './auth-settings.js';
import type { Config } from './config.js';
import { isPretty } from './logging.js';
import { usesTls } from './tls-files.js';

function accessOf({ AUTH, JWT_ALG }: Config, host: string): string {
  if (AUTH === 'jwt') return `AUTH=jwt, tokens signed with ${JWT_ALG}`;
  return isLoopback(host)
    ? `AUTH=off, so it listens on ${host} only; AUTH=jwt and HOST=0.0.0.0 open it to others`
    : `AUTH=off, and it listens on ${host}: anybody who reaches this machine can read and post`;
}

/** Prints the addresses: one log line, and for a person on a terminal also two commands to paste. */
export function greet(config: Config, node: { host: string; port: number }, log: Log): void {
  const any = ['0.0.0.0', '::'].includes(node.host);
  const host = any ? 'localhost' : node.host.includes(':') ? `[${node.host}]` : node.host;
  const s = usesTls(config) ? 's' : '';
  const http = `http${s}://${host}:${node.port}`;
  const ws = `ws${s}://${host}:${node.port}/ws/updates/{room_id}`;
  const access = accessOf(config, node.host);
  const hasPage = config.PAGE === 'on' && config.ROLE !== 'home';
  log.info(
    {
      http,
      ws,
      ...(hasPage ? { page: `${http}/` } : {}),
      documentation: `${http}/api/openapi`,
      broker: config.BROKER,
      store: config.STORE,
      role: config.ROLE,
    },
    `listening: ${access}`,
  );
  if (config.AUTH === 'off' && !isLoopback(node.host))
    log.warn({}, `AUTH=off on ${node.host}: whoever reaches this machine may do everything, as any user`);
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
${hasPage ? `\n  Next: talk in ${http}/\n\n  Or open two more terminals, and send the first message:` : '\n  Next: open two more terminals, and send the first message:'}

    npx wscat -c '${ws.replace('{room_id}', '42')}?user=alice'
    curl -X POST ${http}/api/rooms/42/messages -H 'content-type: application/json' -d '{"user":"bob","text":"Hello"}'

`);
}
