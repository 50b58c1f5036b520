import { isLoopback } from '../auth-settings.js';
import type { Config } from '../config.js';
import { edgeFaults } from './check-edge.js';

/** What a word list tries first; a secret that is one of these, repeated or not, is as good as none. */
const WORDS = /^(?:(?:secret|password|passwort|change|me|test|parlor|jwt|key|admin|guest|[\W_\d])+|(.)\1*)$/i;
/** The defaults of RabbitMQ and of docker-compose.yml. */
const DEFAULT_LOGINS = new Set(['guest:guest', 'parlor:parlor']);

/**
 * What is unsafe in these settings at a time (ms since 1970): one line each, with what to set. No line holds a secret. Reads
 * the files of TLS.
 */
export function unsafeSettings(config: Config, now = Date.now()): readonly string[] {
  const { AMQP_URL, DATABASE_URL } = config;
  return [
    ...accessFaults(config),
    ...edgeFaults(config, now),
    ...(config.BROKER === 'rabbitmq' ? AMQP_URL.flatMap((url) => urlFaults('AMQP_URL', url)) : []),
    ...(config.STORE === 'postgres' ? urlFaults('DATABASE_URL', DATABASE_URL) : []),
    ...(['debug', 'trace'].includes(config.LOG_LEVEL)
      ? [`LOG_LEVEL=${config.LOG_LEVEL} may log what users do: set LOG_LEVEL=info`]
      : []),
  ];
}

function accessFaults({
  AUTH,
  HOST,
  ORIGINS,
  JWT_ALG,
  JWT_SECRET,
  JWT_AUDIENCE,
  JWT_ISSUER,
  JWT_JWKS_URL,
}: Config) {
  const faults: string[] = [];
  if (ORIGINS.includes('*')) faults.push('ORIGINS=* lets pages of any site in: list your own origins');
  if (AUTH === 'off') {
    if (!isLoopback(HOST))
      faults.push(`AUTH=off lets everybody who reaches HOST=${HOST} do everything: set AUTH=jwt`);
    return faults;
  }
  if (JWT_ALG === 'HS256' && WORDS.test(JWT_SECRET))
    faults.push('JWT_SECRET can be guessed: set it to the output of: openssl rand -base64 48');
  if (JWT_AUDIENCE === '')
    faults.push('JWT_AUDIENCE is empty, so tokens for other services of the issuer are accepted: set it');
  if (JWT_ISSUER === '')
    faults.push('JWT_ISSUER is empty, so tokens of any issuer with the key are accepted: set it');
  if (JWT_JWKS_URL.startsWith('http:') && !isLoopback(new URL(JWT_JWKS_URL).hostname))
    faults.push(
      'JWT_JWKS_URL is not encrypted, so that keys can be replaced on the way: set an https:// address',
    );
  return faults;
}

/** Names the host only: the rest of the URL may hold a password. */
function urlFaults(name: string, text: string): readonly string[] {
  if (!URL.canParse(text)) return [`${name} cannot be read as a URL: set it to one`];
  const url = new URL(text);
  const faults: string[] = [];
  if (DEFAULT_LOGINS.has(`${url.username}:${url.password}`))
    faults.push(`${name} has a default password at ${url.host}: set another one there and here`);
  const isEncrypted =
    url.protocol === 'amqps:' ||
    ['require', 'verify-ca', 'verify-full'].includes(url.searchParams.get('sslmode') ?? '');
  if (!isEncrypted && !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    faults.push(
      `${name} is not encrypted on the way to ${url.host}: set ${name === 'AMQP_URL' ? 'amqps://' : 'sslmode=verify-full'}`,
    );
  return faults;
}
