import t from 'tap';
import { unsafeSettings } from '../../api/commands/check.js';
import { readConfig } from '../../api/config.js';
import { JWT_ENV } from '../support/tokens.js';

const check = (env: Record<string, string>): string => unsafeSettings(readConfig(env)).join('\n');

t.test('settings that are safe have nothing to say', async (t) => {
  t.equal(check({}), '', 'the defaults, which let this machine in only');
  t.equal(check({ ...JWT_ENV, HOST: '0.0.0.0' }), '');
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
