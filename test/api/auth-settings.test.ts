import t from 'tap';
import { authFault, isLoopback } from '../../api/auth-settings.js';
import { readConfig } from '../../api/config.js';

const SECRET = 'x'.repeat(32);

const faultOf = (env: Readonly<Record<string, string>>): string | null => authFault(readConfig(env));

t.test('without authentication a node is reached from its own machine only, unless that is meant', (t) => {
  for (const HOST of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) t.equal(faultOf({ HOST }), null, HOST);
  for (const HOST of ['0.0.0.0', '::', '10.0.0.1', 'chat.example', '127.example']) {
    t.match(faultOf({ HOST }), /AUTH=jwt.*HOST=127\.0\.0\.1.*AUTH_OFF_I_KNOW=1/, HOST);
    t.equal(faultOf({ HOST, AUTH_OFF_I_KNOW: '1' }), null);
    t.equal(faultOf({ HOST, AUTH: 'jwt', JWT_SECRET: SECRET }), null);
  }
  t.notOk(isLoopback('127.0.0.1.example'));
  t.end();
});

t.test('each algorithm has the key that it needs, and no other', (t) => {
  const jwt = { AUTH: 'jwt' };
  t.match(faultOf(jwt), /JWT_SECRET, at least 32 bytes/);
  t.match(faultOf({ ...jwt, JWT_SECRET: 'x'.repeat(31) }), /JWT_SECRET/);
  t.notMatch(faultOf({ ...jwt, JWT_SECRET: 'too short' }), /too short/, 'the secret is not printed');
  t.match(
    faultOf({ ...jwt, JWT_SECRET: SECRET, JWT_JWKS_URL: 'https://id.example/keys' }),
    /unset JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL/,
  );
  for (const JWT_ALG of ['RS256', 'ES256', 'EdDSA']) {
    t.match(faultOf({ ...jwt, JWT_ALG }), /one of JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL/);
    t.match(
      faultOf({ ...jwt, JWT_ALG, JWT_SECRET: SECRET, JWT_PUBLIC_KEY_FILE: 'a.pem' }),
      /unset JWT_SECRET/,
    );
    t.match(
      faultOf({ ...jwt, JWT_ALG, JWT_PUBLIC_KEY_FILE: 'a.pem', JWT_JWKS_URL: 'https://id.example/keys' }),
      /one of/,
      'which of the two?',
    );
    t.equal(faultOf({ ...jwt, JWT_ALG, JWT_PUBLIC_KEY_FILE: 'a.pem' }), null);
    t.equal(faultOf({ ...jwt, JWT_ALG, JWT_JWKS_URL: 'https://id.example/keys' }), null);
  }
  t.end();
});

t.test('an address of keys that is none is refused, and not printed', (t) => {
  t.throws(() => readConfig({ JWT_JWKS_URL: 'ftp://user:password@id.example' }), {
    message: /^JWT_JWKS_URL \(not shown.*https:/,
  });
  t.end();
});
