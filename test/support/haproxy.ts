import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HAPROXY, startProxyServer, type Proxied } from './proxy-server.js';

const CONFIG = fileURLToPath(new URL('../../../deploy/haproxy.cfg', import.meta.url));

/** Starts HAProxy with deploy/haproxy.cfg; `nodes` are the ports that stand for parlor1, parlor2 and parlor3. */
export function startHaproxy(nodes: readonly number[]): Promise<Proxied> {
  return startProxyServer(HAPROXY, (port) => configFor(port, nodes));
}

/** The file as it is, but for addresses: there is no Docker here that could look names up. */
function configFor(port: number, nodes: readonly number[]): string {
  const config = readFileSync(CONFIG, 'utf8')
    .replace('bind :8000', `bind 127.0.0.1:${port}`)
    .replace(/^resolvers docker\n(?: .*\n)*/m, '')
    .replace(/ resolvers docker init-addr \S+/, '');
  return nodes.reduce((text, node, i) => text.replace(`parlor${i + 1}:8000`, `127.0.0.1:${node}`), config);
}
