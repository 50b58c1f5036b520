import { authFaults, isLoopback, isShortSecret } from '../auth-settings.js';
import type { Config } from '../config.js';
import { edgeFaults } from './check-edge.js';

/** What a word list tries first; a secret that is one of these, repeated or not, is as good as none. */
const WORDS = /^(?:(?:secret|password|passwort|change|me|test|parlor|jwt|key|admin|guest|[\W_\d])+|(.)\1*)$/i;
/** The defaults of RabbitMQ and of docker-compose.yml. */
const DEFAULT_LOGINS = new Set(['guest:guest', 'parlor:parlor']);

/**
 * What is unsafe in these settings at a time (ms since 1970), all of it: one line each, with what to set. Some of it keeps a server
 * from starting. No line holds a secret. Reads the files of TLS.
 */
export function unsafeSettings(config: Config, now = Date.now()): readonly string[] {
  const { AMQP_URL, DATABASE_URL } = config;
  return [
    ...authFaults(config),
    ...accessFaults(config),
    ...edgeFaults(config, now),
    ...(config.BROKER === 'rabbitmq' ? AMQP_URL.flatMap((url) => urlFaults('AMQP_URL', url)) : []),
    ...(config.STORE === 'postgres' ? urlFaults('DATABASE_URL', DATABASE_URL) : []),
    ...(['debug', 'trace'].includes(config.LOG_LEVEL)
      ? [`LOG_LEVEL=${config.LOG_LEVEL} may log what users do: set LOG_LEVEL=info`]
      : []),
  ];
}

function accessFaults(config: Config): readonly string[] {
  const { AUTH, AUTH_OFF_I_KNOW, HOST, ORIGINS, JWT_ALG, JWT_SECRET } = config;
  const faults: string[] = [];
  if (ORIGINS.includes('*')) faults.push('ORIGINS=* lets pages of any site in: list your own origins');
  if (AUTH === 'off' && AUTH_OFF_I_KNOW === 1 && !isLoopback(HOST))
    faults.push(`AUTH=off lets everybody who reaches HOST=${HOST} do everything: set AUTH=jwt`);
  // Also before AUTH=jwt is set: it is there to be used.
  if (AUTH === 'off' && JWT_SECRET !== '' && isShortSecret(JWT_SECRET))
    faults.push('JWT_SECRET is too short to be used: set it to the output of: openssl rand -base64 48');
  if (JWT_ALG === 'HS256' && !isShortSecret(JWT_SECRET) && WORDS.test(JWT_SECRET))
    faults.push('JWT_SECRET can be guessed: set it to the output of: openssl rand -base64 48');
  return AUTH === 'jwt' ? [...faults, ...tokenFaults(config)] : faults;
}

function tokenFaults({ JWT_AUDIENCE, JWT_ISSUER, JWT_JWKS_URL }: Config): readonly string[] {
  const faults: string[] = [];
  if (JWT_AUDIENCE === '')
    faults.push('JWT_AUDIENCE is empty, so tokens for other services of the issuer are accepted: set it');
  if (JWT_ISSUER === '')
    faults.push('JWT_ISSUER is empty, so tokens of any issuer with the key are accepted: set it');
  if (isOpenAddress(JWT_JWKS_URL))
    faults.push(
      'JWT_JWKS_URL is not encrypted, so that keys can be replaced on the way: set an https:// address',
    );
  return faults;
}

/** An address on another machine, without TLS. */
function isOpenAddress(text: string): boolean {
  if (!text.startsWith('http:') || !URL.canParse(text)) return false;
  return !isLoopback(hostOf(new URL(text)));
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
  if (!isEncrypted && !isLoopback(hostOf(url)))
    faults.push(
      `${name} is not encrypted on the way to ${url.host}: set ${name === 'AMQP_URL' ? 'amqps://' : 'sslmode=verify-full'}`,
    );
  return faults;
}

/** Without the brackets of an IPv6 address. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}
