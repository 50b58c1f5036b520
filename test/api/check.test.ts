import t from 'tap';
import { unsafeSettings } from '../../api/commands/check.js';
import { readConfig } from '../../api/config.js';
import { makeCertificate } from '../support/certificate.js';
import { runParlor } from '../support/parlor.js';
import { JWT_ENV } from '../support/tokens.js';

const linesOf = (env: Record<string, string>, now = Date.now()): readonly string[] =>
  unsafeSettings(readConfig(env), now);
const check = (env: Record<string, string>, now = Date.now()): string => linesOf(env, now).join('\n');

t.test('settings that are safe have nothing to say', async (t) => {
  t.equal(check({}), '', 'the defaults, which let this machine in only');
  t.equal(check({ ...JWT_ENV, HOST: '0.0.0.0', TRUSTED_PROXIES: '10.0.0.1' }), '');
});

const RABBIT = { BROKER: 'rabbitmq' };
const POSTGRES = { STORE: 'postgres' };
const unsafe: [what: string, env: Record<string, string>, says: RegExp][] = [
  ['anybody from other machines', { HOST: '0.0.0.0', AUTH_OFF_I_KNOW: '1' }, /^AUTH=off.*set AUTH=jwt$/],
  ['pages of any site', { ORIGINS: '*' }, /^ORIGINS=\*/],
  ['tokens for others', { ...JWT_ENV, JWT_AUDIENCE: '' }, /^JWT_AUDIENCE/],
  ['tokens of anybody with the key', { ...JWT_ENV, JWT_ISSUER: '' }, /^JWT_ISSUER/],
  ['a secret of words', { ...JWT_ENV, JWT_SECRET: 'secret-password-secret-password-1234' }, /^JWT_SECRET/],
  ['default passwords', RABBIT, /^AMQP_URL has a default password at localhost/],
  ['default passwords of PostgreSQL', POSTGRES, /^DATABASE_URL has a default password/],
  [
    'an open line',
    { ...RABBIT, AMQP_URL: 'amqp://me:hidden@mq.example' },
    /^AMQP_URL is not encrypted.*amqps/,
  ],
  [
    'an open line',
    { ...POSTGRES, DATABASE_URL: 'postgres://me:hidden@db.example/x' },
    /sslmode=verify-full$/,
  ],
  ['an open line to clients', { ...JWT_ENV, HOST: '0.0.0.0' }, /^HOST=0\.0\.0\.0 is reached.*TLS_CERT/],
  ['no limit', { ...JWT_ENV, JOINS_PER_ADDRESS: '0' }, /^JOINS_PER_ADDRESS=0 is no limit/],
  ['a talkative log', { LOG_LEVEL: 'trace' }, /^LOG_LEVEL=trace/],
];
for (const [what, env, says] of unsafe)
  t.test(
    `“parlor check” warns of ${what}, and shows no secret: ${Object.keys(env).join(', ')}`,
    async (t) => {
      const text = check(env);
      t.match(text, says);
      t.equal(text.split('\n').length, 1, 'one line');
      t.notMatch(text, /hidden|secret-password/);
    },
  );

t.test('all that is unsafe is named, not only the first of it, and each thing once', async (t) => {
  const open = { HOST: '0.0.0.0', JWT_SECRET: 'hidden' };
  t.match(linesOf({ ...open, ORIGINS: '*', LOG_LEVEL: 'debug' }), [
    /HOST=0\.0\.0\.0/,
    /^ORIGINS/,
    /^JWT_SECRET is too short/,
    /^LOG_LEVEL/,
  ]);
  const jwt = { ...open, AUTH: 'jwt', ...RABBIT };
  t.match(linesOf({ ...jwt, JWT_JWKS_URL: 'http://id.example/keys' }), [
    /unset JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL/,
    /needs JWT_SECRET, at least 32 bytes/,
    /^JWT_AUDIENCE/,
    /^JWT_ISSUER/,
    /^JWT_JWKS_URL is not encrypted/,
    /^HOST=0\.0\.0\.0 is reached without encryption/,
    /^AMQP_URL/,
  ]);
  t.match(linesOf({ ...jwt, JWT_ALG: 'RS256' }), [
    /unset JWT_SECRET/,
    /one of JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL/,
    /^JWT_AUDIENCE/,
    /^JWT_ISSUER/,
    /^HOST=0\.0\.0\.0 is reached without encryption/,
    /^AMQP_URL/,
  ]);
  t.equal(linesOf({ ...open, AUTH_OFF_I_KNOW: '1' }).length, 2);
  t.notMatch(check(open) + check(jwt), /hidden/);
});

t.test('an address of keys that cannot be read is named, and does not end the check', async (t) => {
  const env = { ...JWT_ENV, JWT_SECRET: '', JWT_ALG: 'RS256' };
  for (const JWT_JWKS_URL of ['http://[', 'https://a:b', 'http://%'])
    t.match(linesOf({ ...env, JWT_JWKS_URL }), [/^JWT_JWKS_URL cannot be read/], JWT_JWKS_URL);
  t.same(linesOf({ ...env, JWT_JWKS_URL: 'http://[::1]:8080/keys' }), []);
});

t.test('“parlor check” says all of it, and by its exit code whether a server would start', async (t) => {
  const outcomes: [env: Record<string, string>, code: number, lines: number, stderr: RegExp][] = [
    [{}, 0, 0, /^$/],
    [{ ORIGINS: '*' }, 1, 1, /^$/],
    [{ HOST: '0.0.0.0', JWT_SECRET: 'hidden' }, 2, 2, /^$/],
    [{ HOST: '0.0.0.0', WORKERS: '2', AUTH_OFF_I_KNOW: '1' }, 2, 1, /^parlor: WORKERS=2 [^\n]*\n$/],
  ];
  for (const [env, code, lines, stderr] of outcomes) {
    const run = await runParlor(env, 'check');
    t.equal(run.code, code, JSON.stringify(env));
    t.equal(run.stdout.split('\n').length - 1, lines, run.stdout);
    t.match(run.stderr, stderr);
  }
});

t.test('“parlor check” looks into the files of TLS, and warns before the certificate expires', async (t) => {
  const tls = makeCertificate();
  t.teardown(() => tls.remove());
  const env = { ...JWT_ENV, ...tls.env, HOST: '0.0.0.0' };
  const day = 86_400_000;
  t.equal(check(env, Date.now() - 15 * day), '', 'with TLS nothing else is needed');
  t.match(
    check(env),
    /^TLS_CERT expires at .*: put a new certificate there, and send SIGHUP$/,
    'a day before',
  );
  t.match(check(env, Date.now() + 2 * day), /^TLS_CERT has expired at /);
  tls.spoil('TLS_KEY', '');
  t.match(check(env), /^TLS_KEY=".*" is no private key in PEM without a passphrase: mend it/);
});
