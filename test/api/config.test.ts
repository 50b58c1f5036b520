import t from 'tap';
import { Settings, allowedValues, readConfig, servingFault } from '../../api/config.js';
import { DEFAULT_PRESETS } from '../../engine/room/presets.js';

/** The line a start with these variables stops with. */
function fault(env: Record<string, string>): string {
  try {
    readConfig(env);
    return '';
  } catch (cause) {
    return cause instanceof Error ? cause.message : 'not an Error';
  }
}

t.test('every setting has a default, a description and words for what is allowed', async (t) => {
  const config = readConfig({});
  for (const [name, schema] of Object.entries(Settings.properties)) {
    t.ok(name in config, name);
    t.not(schema.default, undefined, name);
    t.match(schema.description, /./, name);
    t.match(allowedValues(name), /./, name);
  }
});

t.test('the defaults start one process with nothing beside it, on this machine only', async (t) => {
  t.match(readConfig({}), {
    HOST: '127.0.0.1',
    PORT: 8000,
    BROKER: 'in-process',
    STORE: 'sqlite',
    SQLITE_PATH: 'data/parlor.db',
    AUTH: 'off',
    PARTITIONS: 16,
  });
  t.same(readConfig({}).ROOM_PRESETS, DEFAULT_PRESETS);
  t.same(readConfig({}).AMQP_URL, ['amqp://guest:guest@localhost:5672']);
});

t.test('an empty variable is as good as none, and those of others are not looked at', async (t) => {
  t.same(readConfig({ PORT: '', AMQP_URL: '', HOME: '/x', PATH: '' }), readConfig({}));
});

t.test('numbers are numbers, at both ends of what is allowed', async (t) => {
  t.equal(readConfig({ PORT: '0' }).PORT, 0);
  t.equal(readConfig({ PORT: '65535' }).PORT, 65535);
  t.equal(readConfig({ GRACE_MS: '0' }).GRACE_MS, 0);
});

t.test('the settings cannot be changed afterwards', async (t) => {
  t.ok(Object.isFrozen(readConfig({})));
});

const wrong: [name: string, value: string, allowed: RegExp][] = [
  ['PORT', 'http', /whole number from 0 to 65535/],
  ['PORT', '65536', /whole number from 0 to 65535/],
  ['PORT', '-1', /whole number from 0 to 65535/],
  ['PORT', '80.5', /whole number/],
  ['PORT', '8000\nX=1', /whole number/],
  ['BROKER', 'kafka', /in-process, rabbitmq/],
  ['BROKER', 'RabbitMQ', /in-process, rabbitmq/],
  ['STORE', 'mongo', /memory, sqlite, postgres/],
  ['DATABASE_URL', 'mysql://localhost/x', /postgres:\/\/user:password@host:port\/database/],
  ['DATABASE_POOL', '0', /from 1 to 100/],
  ['COMMIT_BATCH', '0', /from 1/],
  ['RETENTION_MS', '5', /from 100/],
  ['AUTH', 'maybe', /off/],
  ['LOG_LEVEL', 'loud', /fatal, error, warn, info, debug, trace, silent/],
  ['LOG_FORMAT', 'xml', /auto, json, pretty/],
  ['AMQP_URL', 'localhost:5672', /amqp:\/\/user:password@host:port/],
  ['AMQP_URL', 'http://localhost', /amqp:\/\//],
  ['AMQP_URL', 'amqp://a,localhost', /amqp:\/\//],
  ['AMQP_URL', 'amqp://a,', /amqp:\/\//],
  ['GRACE_MS', '-5', /whole number from 0/],
  ['SILENCE_S', '7', /from 8 to 960/],
  ['ROOM_PRESETS', '{', /JSON object/],
  ['ROOM_PRESETS', '{\n"a":', /JSON object/],
  ['ROOM_PRESETS', '[]', /JSON object/],
  ['ROOM_PRESETS', 'null', /JSON object/],
  ['ROOM_PRESETS', '{"a":{"capacity":0}}', /capacity.*JSON object/],
  ['ROOM_PRESETS', '{"a":{"size":2}}', /size.*not a known field.*JSON object/],
  ['ROOM_PRESETS', '{"a":\n{"post":"nobody"}}', /"members", "anyone".*JSON object/],
];

for (const [name, value, allowed] of wrong) {
  t.test(
    `${name}=${JSON.stringify(value)} stops the start with one line that says what is allowed`,
    async (t) => {
      const line = fault({ [name]: value });
      t.ok(line.startsWith(name), line);
      t.notMatch(line, /\n/);
      const namesValue = line.includes(JSON.stringify(value));
      t.equal(namesValue, !name.endsWith('_URL'), `names the value, if it cannot hold a password: ${line}`);
      t.match(line, allowed);
    },
  );
}

t.test('several brokers may be named, with or without spaces around the commas', async (t) => {
  const both = ['amqp://a:b@one:1', 'amqps://two'];
  t.same(readConfig({ AMQP_URL: both.join(',') }).AMQP_URL, both);
  t.same(readConfig({ AMQP_URL: both.join(' , ') }).AMQP_URL, both);
});

t.test('a password is not repeated in the line that says what is wrong', async (t) => {
  for (const url of [
    'mysql://parlor:secret@localhost/x',
    'postgres://parlor:se,cret secret@localhost/x',
    'postgres://parlor:s/secret words@localhost/x',
    'postgres://parlor:p@secret word@localhost/x',
    'parlor:secret@db:5432/parlor',
    'postgres://db/parlor?user=parlor&password=secret words',
    'postgres://parlor:p#secret word@localhost/x',
  ])
    t.notMatch(fault({ DATABASE_URL: url }), /secret|cret/, url);
  for (const url of ['amqp://a:secret@one,http://b:secret@two', 'guest:secret@rabbit'])
    t.notMatch(fault({ AMQP_URL: url }), /secret/, url);
});

t.test('presets replace those of the house', async (t) => {
  const presets = { '': { capacity: 5 }, 'vip:': { creation: 'explicit' as const } };
  t.same(readConfig({ ROOM_PRESETS: JSON.stringify(presets) }).ROOM_PRESETS, presets);
});

t.test('several workers need what they can share, and one line says what to set', async (t) => {
  const shared = { BROKER: 'rabbitmq', STORE: 'postgres' };
  const told = (env: Record<string, string>) => servingFault(readConfig(env));
  t.equal(told({}), null);
  t.equal(told({ WORKERS: '1', STORE: 'memory' }), null);
  t.equal(told({ WORKERS: '3', ...shared }), null);
  t.match(
    told({ WORKERS: '3' }),
    /^WORKERS=3 .*set BROKER=rabbitmq \(now in-process\) and STORE=postgres \(now sqlite\)/,
  );
  t.match(
    told({ WORKERS: '3', ...shared, STORE: 'sqlite' }),
    /set STORE=postgres \(now sqlite\), or WORKERS=1$/,
  );
  t.equal(told({ ROLE: 'edge', ...shared }), null);
  t.match(told({ ROLE: 'edge' }), /^ROLE=edge .*set BROKER=rabbitmq .*, or ROLE=all$/);
  t.match(
    told({ ROLE: 'home', BROKER: 'rabbitmq', WORKERS: '3' }),
    /^ROLE=home .*set STORE=postgres \(now sqlite\)/,
  );
  t.match(told({ WORKERS: '3', ...shared, METRICS_PORT: '65534' }), /^METRICS_PORT=65534 .*65532 or less$/);
});

t.test('there is nothing to allow where there is no setting', async (t) => {
  t.match(allowedValues('NOPE'), /no such setting/);
});
