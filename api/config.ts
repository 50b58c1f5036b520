import { Type, type Static } from '@sinclair/typebox';
import envSchema from 'env-schema';
import { checker, faultLine } from '../engine/messages/check.js';
import { DEFAULT_PRESETS, Presets } from '../engine/room/presets.js';
import { authFault } from './auth-settings.js';
import { ARRIVAL_SETTINGS, arrivalLimits, type ArrivalLimits } from './arrival-settings.js';
import { readProxies } from './client-address.js';
import { RATE_SETTINGS, rateLimits, type RateLimits } from './rate-settings.js';
import { readHosts, readOrigins } from './origins.js';
import { tlsFault } from './tls-files.js';

function oneOf<const T extends string>(names: readonly T[], initial: T, description: string) {
  return Type.Unsafe<T>(Type.String({ enum: [...names], default: initial, description }));
}

function whole(initial: number, minimum: number, maximum: number, description: string) {
  return Type.Integer({ default: initial, minimum, maximum, description });
}

/** Every setting: its name in the environment, its default, its limits, and what it does in one line. */
export const Settings = Type.Object({
  HOST: Type.String({
    default: '127.0.0.1',
    // An address or a name, also fe80::1%eth0. Lines that name it stay one line, whatever it is.
    pattern: '^[A-Za-z0-9._:%-]+$',
    description: 'address to listen on; the default is this machine only',
  }),
  PORT: whole(8000, 0, 65535, 'the one port for HTTP and WebSockets; 0: any free one'),
  WORKERS: whole(
    1,
    1,
    256,
    'processes that share the port, each a node; more than one requires RabbitMQ and PostgreSQL',
  ),
  METRICS_PORT: whole(
    0,
    0,
    65535,
    'with WORKERS, worker n also listens on port METRICS_PORT + n, so that each can be scraped; 0: off',
  ),
  ROLE: oneOf(
    ['all', 'edge', 'home'],
    'all',
    'what the node does, with BROKER=rabbitmq. edge: WebSockets, no rooms; home: rooms, no WebSockets',
  ),
  BROKER: oneOf(['in-process', 'rabbitmq'], 'in-process', 'what carries commands and events'),
  AMQP_URL: Type.String({
    default: 'amqp://guest:guest@localhost:5672',
    pattern: '^amqps?://[^ ,]+( *, *amqps?://[^ ,]+)*$',
    description: 'RabbitMQ with BROKER=rabbitmq: one URL, or several separated by commas',
  }),
  PARTITIONS: whole(16, 1, 1024, 'queues for commands; the same on every node'),
  STORE: oneOf(['memory', 'sqlite', 'postgres'], 'sqlite', 'where rooms and their messages are stored'),
  SQLITE_PATH: Type.String({
    default: 'data/parlor.db',
    minLength: 1,
    description: 'the database file with STORE=sqlite; created if it does not exist',
  }),
  DATABASE_URL: Type.String({
    default: 'postgres://parlor:parlor@localhost:5432/parlor',
    pattern: '^postgres(ql)?://[^ ]+$',
    description: 'PostgreSQL, with STORE=postgres',
  }),
  DATABASE_POOL: whole(4, 1, 100, 'connections to PostgreSQL for reading, besides the one for writing'),
  STORE_TIMEOUT_MS: whole(5_000, 100, 600_000, 'how long the store may take for one statement, ms'),
  COMMIT_BATCH: whole(4_096, 1, 100_000, 'about how many events share a transaction'),
  COMMIT_LINGER_MS: whole(0, 0, 1_000, 'how long a commit waits for more posts to share it, ms'),
  RETENTION_MS: whole(60_000, 100, 86_400_000, 'pause between two rounds of retention over all rooms, ms'),
  MEMORY_EVENTS_PER_ROOM: whole(
    10_000,
    1,
    10_000_000,
    'events a room keeps with STORE=memory; older ones are forgotten',
  ),
  MEMORY_EVENTS: whole(1_000_000, 1, 100_000_000, 'events kept in total with STORE=memory'),
  PAGE: oneOf(
    ['on', 'off'],
    'on',
    'the chat page at /. It may do what its user may, no more; off: / leads to the description of the API',
  ),
  AUTH: oneOf(
    ['off', 'jwt'],
    'off',
    'how clients say who they are. off: they say it, and anybody may do everything; jwt: by a signed JSON Web Token',
  ),
  AUTH_OFF_I_KNOW: whole(0, 0, 1, '1: AUTH=off is meant, although HOST lets other machines in'),
  JWT_ALG: oneOf(['HS256', 'RS256', 'ES256', 'EdDSA'], 'HS256', 'how tokens are signed; others are refused'),
  JWT_SECRET: Type.String({
    default: '',
    description: 'with JWT_ALG=HS256: the key that the issuer shares with this server, at least 32 bytes',
  }),
  JWT_PUBLIC_KEY_FILE: Type.String({
    default: '',
    description: 'with another JWT_ALG: a file with the public key in PEM; or JWT_JWKS_URL',
  }),
  JWT_JWKS_URL: Type.String({
    default: '',
    pattern: '^(https?://[^ ]+)?$',
    description: 'with another JWT_ALG: where the issuer publishes its keys (JWKS); they may change',
  }),
  JWT_ISSUER: Type.String({ default: '', description: 'what `iss` of a token must be; empty: anything' }),
  JWT_AUDIENCE: Type.String({
    default: '',
    description: 'what `aud` of a token must be or hold; empty: anything',
  }),
  JWT_LEEWAY_S: whole(5, 0, 60, 'by how much the clock of the issuer may differ, s'),
  ORIGINS: Type.String({
    default: '',
    description:
      'origins whose pages may use this server, such as https://chat.example, separated by commas; *: any. Its own pages are always allowed',
  }),
  HOSTS: Type.String({
    default: '',
    description:
      'host names by which clients may call this server, separated by commas, besides IP addresses, localhost and the hosts of ORIGINS',
  }),
  TRUSTED_PROXIES: Type.String({
    default: '',
    description:
      'addresses and ranges such as 10.0.0.0/8 of your proxies, separated by commas; X-Forwarded-For is believed from these only',
  }),
  TLS_CERT: Type.String({
    default: '',
    description:
      'a file with the certificate and its chain in PEM: the server then speaks TLS (https, wss); read again on SIGHUP',
  }),
  TLS_KEY: Type.String({
    default: '',
    description: 'with TLS_CERT: a file with its private key in PEM, without a passphrase',
  }),
  ROOMS_PER_CONNECTION: whole(
    500,
    1,
    100_000,
    'rooms to which one WebSocket at /ws may be subscribed at once',
  ),
  ...ARRIVAL_SETTINGS,
  ...RATE_SETTINGS,
  GRACE_MS: whole(
    5_000,
    0,
    86_400_000,
    'how long a seat is kept after its user’s last connection is gone, ms',
  ),
  IDLE_MS: whole(60_000, 0, 86_400_000, 'how long an empty room stays in memory, ms'),
  ROOM_PRESETS: Type.String({
    default: JSON.stringify(DEFAULT_PRESETS),
    description: 'JSON: policies by the prefix of the room id, "" for all others',
  }),
  REPLY_TIMEOUT_MS: whole(
    5_000,
    10,
    600_000,
    'how long a post waits for its room before it is answered 202 or 503, ms',
  ),
  RECOVERY_LIMIT: whole(
    1_000,
    0,
    1_000_000,
    'the most missed messages that are sent to a WebSocket with since',
  ),
  PRESENCE_LIMIT: whole(
    256,
    0,
    100_000,
    'rooms with more members do not name them in welcome, joined and left',
  ),
  MAX_ROOMS: whole(
    200_000,
    1,
    10_000_000,
    'rooms in memory at once; beyond that idle rooms are unloaded, and if none is idle, new ones wait',
  ),
  MAX_BODY_BYTES: whole(65_536, 1_024, 67_108_864, 'largest HTTP body, bytes'),
  BODY_TIMEOUT_MS: whole(
    60_000,
    100,
    3_600_000,
    'how long the body of a request may take to arrive, ms; besides, it has to be whole, or 160 KB further, every 7 s',
  ),
  MAX_FRAME_BYTES: whole(65_536, 1_024, 1_048_576, 'largest WebSocket frame from a client, bytes'),
  MAX_BUFFERED_BYTES: whole(
    1_048_576,
    16_384,
    67_108_864,
    'how much may wait for a slow client before it is disconnected, bytes',
  ),
  PING_S: whole(
    25,
    1,
    480,
    'time between two pings to a WebSocket, at least two in SILENCE_S, and between two comments in a stream of events, at most 6 s there; s; many proxies cut connections that are quiet for 60 s',
  ),
  SILENCE_S: whole(120, 8, 960, 'a WebSocket that has answered no ping for this long is closed, s'),
  DRAIN_DELAY_MS: whole(
    0,
    0,
    600_000,
    'how long a node that stops only reports it in /health/ready, for load balancers, before it drains, ms',
  ),
  DRAIN_MS: whole(8_000, 0, 600_000, 'how long a node that stops may take to finish work in progress, ms'),
  LOG_LEVEL: oneOf(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'lowest level that is logged',
  ),
  LOG_FORMAT: oneOf(['auto', 'json', 'pretty'], 'auto', 'auto: pretty on a terminal, JSON elsewhere'),
});
export type Settings = Static<typeof Settings>;

type Parsed =
  | 'ROOM_PRESETS'
  | 'AMQP_URL'
  | 'ORIGINS'
  | 'HOSTS'
  | 'TRUSTED_PROXIES'
  | keyof ArrivalLimits
  | keyof RateLimits;

export interface Config extends Readonly<Omit<Settings, Parsed>>, ArrivalLimits, RateLimits {
  readonly ROOM_PRESETS: Presets;
  readonly AMQP_URL: readonly string[];
  readonly ORIGINS: readonly string[];
  readonly HOSTS: readonly string[];
  readonly TRUSTED_PROXIES: readonly string[];
}

interface SettingFault {
  readonly instancePath: string;
  readonly message?: string;
  readonly params: { readonly allowedValues?: readonly string[] };
}

/**
 * The settings, checked and frozen. Throws an Error of one line that names the variable, its value and what is
 * allowed.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(Settings.properties).flatMap((name) =>
      env[name] === undefined || env[name].trim() === '' ? [] : [[name, env[name]]],
    ),
  );
  let settings: Settings;
  try {
    settings = envSchema<Settings>({ schema: Settings, data: given, env: false });
  } catch (cause) {
    throw new Error(explain(cause, given), { cause });
  }
  // Ajv converts "1e999" to Infinity and compares only finite numbers with what is allowed.
  for (const [name, value] of Object.entries(settings))
    if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(notAllowed(name, given));
  return Object.freeze({
    ...settings,
    ROOM_PRESETS: readPresets(settings.ROOM_PRESETS),
    AMQP_URL: settings.AMQP_URL.split(',').map((url) => url.trim()),
    ORIGINS: readList('ORIGINS', settings.ORIGINS, readOrigins),
    HOSTS: readList('HOSTS', settings.HOSTS, readHosts),
    TRUSTED_PROXIES: readList('TRUSTED_PROXIES', settings.TRUSTED_PROXIES, readProxies),
    ...arrivalLimits(settings),
    ...rateLimits(settings),
  });
}

function readList(name: string, text: string, read: (text: string) => readonly string[]): readonly string[] {
  try {
    return read(text);
  } catch (cause) {
    throw new Error(`${name}=${JSON.stringify(text)} is not allowed; allowed: ${allowedValues(name)}`, {
      cause,
    });
  }
}

/** Why these settings do not work together, in one line that says what to set; null: they do. */
export function servingFault(config: Config): string | null {
  const { ROLE, WORKERS, METRICS_PORT } = config;
  const unsafe = authFault(config) ?? tlsFault(config);
  if (unsafe !== null) return unsafe;
  if (ROLE !== 'all') {
    const missing = missingToShare(config);
    if (missing !== null) return `ROLE=${ROLE} is for one of several nodes, ${missing}, or ROLE=all`;
  }
  if (WORKERS === 1) return null;
  const missing = missingToShare(config);
  if (missing !== null) return `WORKERS=${WORKERS} are several nodes, ${missing}, or WORKERS=1`;
  if (METRICS_PORT > 65535 - WORKERS)
    return `METRICS_PORT=${METRICS_PORT} leaves no port for each of ${WORKERS} workers: set it to ${65535 - WORKERS} or less`;
  return null;
}

/** What several nodes lack in these settings; null: nothing. */
function missingToShare({ BROKER, STORE }: Config): string | null {
  const missing = [
    ...(BROKER === 'rabbitmq' ? [] : [`BROKER=rabbitmq (now ${BROKER})`]),
    ...(STORE === 'postgres' ? [] : [`STORE=postgres (now ${STORE})`]),
  ];
  if (missing.length === 0) return null;
  return `which need a broker and a store in common: set ${missing.join(' and ')}`;
}

const presetFaults = checker(Presets);

function readPresets(text: string): Presets {
  const allowed = `allowed: a JSON object such as {"direct:":{"capacity":2,"post":"members"}}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`ROOM_PRESETS=${JSON.stringify(text)} is not JSON; ${allowed}`, { cause });
  }
  const faults = presetFaults(value);
  if (faults) throw new Error(`ROOM_PRESETS=${JSON.stringify(text)}: ${faultLine(faults)}; ${allowed}`);
  return value as Presets;
}

function explain(cause: unknown, given: Readonly<Record<string, string | undefined>>): string {
  const fault =
    cause instanceof Error && 'errors' in cause && Array.isArray(cause.errors)
      ? (cause.errors[0] as SettingFault)
      : null;
  if (!fault) return `settings: ${String(cause)}`;
  return notAllowed(fault.instancePath.slice(1), given);
}

function notAllowed(name: string, given: Readonly<Record<string, string | undefined>>): string {
  const what = SECRET.has(name)
    ? `${name} (not shown, as it may hold a password) is not`
    : `${name}=${JSON.stringify(given[name])} is not`;
  return `${what} allowed; allowed: ${allowedValues(name)}`;
}

/**
 * They may hold a password, which must not be logged. A malformed value may not show where the password begins and ends,
 * so nothing of it is printed.
 */
const SECRET: ReadonlySet<string> = new Set(['AMQP_URL', 'DATABASE_URL', 'JWT_SECRET', 'JWT_JWKS_URL']);

/** What a setting may be, in words. */
export function allowedValues(name: string): string {
  const schema = (
    Settings.properties as Record<
      string,
      { enum?: string[]; type?: string; minimum?: number; maximum?: number; pattern?: string }
    >
  )[name];
  if (!schema) return 'nothing: there is no such setting';
  if (schema.enum) return schema.enum.join(', ');
  if (schema.type === 'integer') return `a whole number from ${schema.minimum} to ${schema.maximum}`;
  if (name === 'HOST') return 'an IP address or a host name, such as 127.0.0.1';
  if (name === 'DATABASE_URL') return 'postgres://user:password@host:port/database';
  if (name === 'AMQP_URL') return 'amqp://user:password@host:port, several separated by commas';
  if (name === 'JWT_JWKS_URL') return 'an address such as https://id.example/jwks.json';
  if (name === 'ORIGINS') return '*, or origins such as https://chat.example, separated by commas';
  if (name === 'TRUSTED_PROXIES')
    return 'addresses and ranges such as 127.0.0.1, 10.0.0.0/8, separated by commas';
  if (name === 'HOSTS') return 'names without ports, such as chat.example, separated by commas';
  if (schema.pattern?.startsWith('^(auto|')) return 'auto, or a whole number from 0 to 9999999';
  return name === 'ROOM_PRESETS' ? 'a JSON object of policies by prefix' : 'a text that is not empty';
}
