import fc from 'fast-check';
import t from 'tap';
import { readConfig, servingFault, Settings, type Config } from '../../api/config.js';
import { unsafeSettings } from '../../api/commands/check.js';

const NAMES = Object.keys(Settings.properties);
/** They may hold a password: nothing of their value is printed. */
const SECRET = new Set(['AMQP_URL', 'DATABASE_URL', 'JWT_SECRET', 'JWT_JWKS_URL']);

/** The settings that are whole numbers, with what they may be. */
const WHOLE = Object.entries(
  Settings.properties as Readonly<Record<string, { type?: string; minimum?: number; maximum?: number }>>,
).flatMap(([name, { type, minimum = NaN, maximum = NaN }]) =>
  type === 'integer' ? [[name as keyof Config, { minimum, maximum }] as const] : [],
);

const CHOICES = Object.values(Settings.properties as Readonly<Record<string, { enum?: string[] }>>).flatMap(
  (schema) => schema.enum ?? [],
);

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.integer().map(String),
  fc.double().map(String),
  fc.webUrl({ withQueryParameters: true }),
  fc.constantFrom(
    'http://[',
    'amqp://[',
    'postgres://%',
    'https://a:b',
    '*',
    '{"":{}}',
    '__proto__',
    '0x10',
    '-1e999',
    '١',
  ),
  fc.constantFrom(...Object.values(Settings.properties).map((schema) => String(schema.default))),
  fc.constantFrom(...CHOICES),
);

/** Values for some of the settings, and for variables that are none. */
const environment = fc.dictionary(fc.oneof(fc.constantFrom(...NAMES), fc.constantFrom('HOME', 'X')), value, {
  maxKeys: 4,
  noNullPrototype: true,
});

/** What is wrong with a line that an operator is told; null: nothing. */
function faultOfLine(line: string): string | null {
  if (/[\r\n]/.test(line) || line === '') return 'it is not one line';
  return NAMES.some((name) => line.includes(name)) ? null : 'it names no setting';
}

t.test('whatever the environment holds, it is taken, or one line says which setting is wrong', async (t) => {
  const property = fc.property(environment, (env) => {
    let config;
    try {
      config = readConfig(env);
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      const fault = faultOfLine(cause.message);
      if (fault !== null) throw new Error(`${fault}: ${cause.message}`, { cause });
      return;
    }
    for (const [name, { minimum, maximum }] of WHOLE) {
      const number = config[name];
      if (typeof number !== 'number') continue;
      if (!(Number.isInteger(number) && number >= minimum && number <= maximum))
        throw new Error(`${name}=${env[name]} was taken as ${number}`);
    }
    const told = [servingFault(config) ?? 'AUTH', ...unsafeSettings(config)];
    for (const line of told) {
      const fault = faultOfLine(line);
      if (fault !== null) throw new Error(`${fault}: ${line}`);
    }
  });
  const examples: [Readonly<Record<string, string>>][] = [
    [{ HOST: '\n\0' }],
    [{ ROOM_PRESETS: '{"a":{"\\n":1}}' }],
    [{ MAX_BODY_BYTES: '1e999' }],
  ];
  t.doesNotThrow(() => fc.assert(property, { numRuns: 5_000, examples }));
});

t.test('whatever a setting is that may hold a password, no line shows it', async (t) => {
  const word = 'h1dd3n';
  const mangled = fc
    .tuple(fc.constantFrom(...SECRET), fc.string(), fc.string())
    .map(([name, before, after]) => ({ [name]: `${before}${word}${after}` }));
  const property = fc.property(mangled, (secret) => {
    const env = { AUTH: 'jwt', JWT_ALG: 'RS256', BROKER: 'rabbitmq', STORE: 'postgres', ...secret };
    try {
      const config = readConfig(env);
      // Of an address, its host is shown.
      return (
        name(secret) !== 'JWT_SECRET' ||
        ![servingFault(config), ...unsafeSettings(config)].join().includes(word)
      );
    } catch (cause) {
      return cause instanceof Error && !cause.message.includes(word);
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
});

function name(env: Readonly<Record<string, string>>): string {
  return Object.keys(env)[0] ?? '';
}
