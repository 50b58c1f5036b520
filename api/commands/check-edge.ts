import { errorText } from '../../engine/errors.js';
import { isLoopback } from '../auth-settings.js';
import type { Config } from '../config.js';
import { readTlsFiles, tlsFault, usesTls } from '../tls-files.js';

/** What is unsafe in how clients reach the server, at a time (ms since 1970): one line each, with what to set. */
export function edgeFaults(config: Config, now: number): readonly string[] {
  return [...wayFaults(config), ...tlsFaults(config, now), ...limitFaults(config)];
}

/** Whoever listens on the way could read tokens and messages. */
function wayFaults(config: Config): readonly string[] {
  const { AUTH, HOST, TRUSTED_PROXIES } = config;
  if (AUTH === 'off' || isLoopback(HOST) || usesTls(config) || TRUSTED_PROXIES.length > 0) return [];
  return [
    `HOST=${HOST} is reached without encryption: set TLS_CERT and TLS_KEY, or name the proxies that have TLS in TRUSTED_PROXIES`,
  ];
}

/** Who has to renew a certificate wants to know before its clients do, ms: two weeks. */
const EXPIRES_SOON_MS = 14 * 86_400_000;

function tlsFaults(config: Config, now: number): readonly string[] {
  const apart = tlsFault(config);
  if (apart !== null) return [apart];
  try {
    const files = readTlsFiles(config);
    if (files === null || files.expiresAt > now + EXPIRES_SOON_MS) return [];
    const date = new Date(files.expiresAt).toISOString();
    return [
      `TLS_CERT ${files.expiresAt > now ? 'expires' : 'has expired'} at ${date}: put a new certificate there, and send SIGHUP`,
    ];
  } catch (cause) {
    return [`${errorText(cause)}: mend it before the next start`];
  }
}

/** With AUTH=jwt somebody has turned them off. */
function limitFaults(config: Config): readonly string[] {
  if (config.AUTH === 'off') return [];
  return (['CONNECTIONS_PER_ADDRESS', 'CONNECTIONS_PER_USER', 'JOINS_PER_ADDRESS'] as const)
    .filter((name) => config[name] === 0)
    .map((name) => `${name}=0 is no limit: leave it out, or set one that nobody honest reaches`);
}
