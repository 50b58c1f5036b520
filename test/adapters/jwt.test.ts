import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createJwtVerifier, TOKEN_MAX, type JwtSettings } from '../../adapters/jwt/verifier.js';
import type { Algorithm } from '../../adapters/jwt/keys.js';
import type { Log, Verifier } from '../../engine/ports.js';
import { systemClock } from '../../adapters/system/clock.js';
import { until } from '../support/until.js';
import { AUDIENCE, inSeconds, ISSUER, SECRET, token, unsigned } from '../support/tokens.js';

const nothing = (): void => undefined;
const log: Log = { info: nothing, warn: nothing, error: nothing };
const KEYS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  EdDSA: generateKeyPairSync('ed25519'),
};
const folder = mkdtempSync(join(tmpdir(), 'parlor-jwt-'));
t.teardown(() => rmSync(folder, { recursive: true }));

function saved(name: string, key: KeyObject): string {
  const path = join(folder, name);
  const type = key.type === 'private' ? 'pkcs8' : 'spki';
  writeFileSync(path, key.export({ type, format: 'pem' } as { type: 'spki'; format: 'pem' }));
  return path;
}

function verifier(algorithm: Algorithm, change: Partial<JwtSettings> = {}): Verifier {
  const publicKeyFile = algorithm === 'HS256' ? '' : saved(algorithm, KEYS[algorithm].publicKey);
  const settings = { algorithm, secret: SECRET, publicKeyFile, keySetUrl: '' };
  const claims = { issuer: ISSUER, audience: AUDIENCE, leewayS: 0 };
  return createJwtVerifier({ ...settings, ...claims, ...change }, { log, clock: systemClock });
}

const signing = (alg: Algorithm) => ({
  alg,
  key: alg === 'HS256' ? Buffer.from(SECRET) : KEYS[alg].privateKey,
});
const ALL: readonly Algorithm[] = ['HS256', 'RS256', 'ES256', 'EdDSA'];

for (const wanted of ALL) {
  t.test(`with JWT_ALG=${wanted} no other algorithm is accepted`, async (t) => {
    const checks = verifier(wanted);
    for (const alg of ALL) {
      const answer = await checks.verify(await token({ sub: 'alice' }, signing(alg)));
      t.match(answer, alg === wanted ? { user: 'alice' } : { code: 'unauthorized' }, alg);
    }
    t.match(await checks.verify(unsigned({ sub: 'alice' })), { code: 'unauthorized' }, 'none');
  });
}

t.test('a key that cannot be used stops the start with one line', async (t) => {
  const start = (algorithm: Algorithm, publicKeyFile: string) => () => verifier(algorithm, { publicKeyFile });
  t.throws(start('RS256', saved('private', KEYS.RS256.privateKey)), { message: /^.* is a private key: .*$/ });
  t.throws(start('RS256', saved('ec', KEYS.ES256.publicKey)), {
    message: /^.* is no key for JWT_ALG=RS256$/,
  });
  t.throws(start('ES256', saved('ed', KEYS.EdDSA.publicKey)), {
    message: /^.* is no key for JWT_ALG=ES256$/,
  });
  t.throws(start('RS256', join(folder, 'missing')), { message: /cannot be read$/ });
});

t.test('claims', async (t) => {
  const checks = verifier('HS256');
  const of = async (claims: object) => checks.verify(await token({ sub: 'alice', ...claims }));
  const refused = { code: 'unauthorized' };
  t.match(await of({ jti: '..' }), refused, 'which no address could name, so that it could not be revoked');
  t.match(await of({ exp: inSeconds(-1) }), refused, 'expired');
  t.match(await of({ exp: undefined }), refused, 'without an end');
  t.match(await of({ nbf: inSeconds(60) }), refused, 'not valid yet');
  t.match(await of({ iss: 'https://other.example' }), refused, 'of another issuer');
  t.match(await of({ aud: 'other' }), refused, 'for another audience');
  t.match(await of({ aud: ['other', AUDIENCE] }), { user: 'alice' }, 'for several audiences');
  t.match(await of({ sub: 'Zoe\u0308' }), { user: 'Zo\u00eb' }, 'a name in NFD is the one in NFC');
  t.match(await checks.verify('x'.repeat(TOKEN_MAX + 1)), { ...refused, message: /longer than/ });
  const exp = inSeconds(60) + 0.25;
  t.match(await of({ exp }), { endsAt: exp * 1_000 }, 'a fraction of a second counts');
  for (const name of ['Alice', '', 7, null, { a: [] }, 'x'.repeat(1_000), 'a\u0000b'])
    t.match(await of({ name }), { user: 'alice' }, 'a claim that Parlor does not read is ignored');
});

t.test('times in ms, which would make a token good for ever, are refused', async (t) => {
  const checks = verifier('HS256');
  const of = async (claims: object) => checks.verify(await token({ sub: 'alice', ...claims }));
  const last = Date.UTC(9999, 11, 31, 23, 59, 59) / 1_000;
  const good = await of({ exp: last, iat: last });
  t.match(good, { user: 'alice' });
  t.equal('endsAt' in good && new Date(good.endsAt).toISOString(), '9999-12-31T23:59:59.000Z');
  for (const exp of [last + 1, Date.now() + 3_600_000, 8.65e12, 1e308])
    t.match(await of({ exp }), { code: 'unauthorized', message: /exp: / }, `exp ${exp}`);
  t.match(await of({ iat: Date.now() }), { code: 'unauthorized', message: /iat: / });
});

/** Serves what `answer` holds, and counts the requests. */
async function keyServer(t: Test) {
  const server = { hits: 0, status: 200, body: '', url: '' };
  const http = createServer((_request, response) => {
    server.hits++;
    response.writeHead(server.status, { 'content-type': 'application/json' }).end(server.body);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.teardown(() => http.close());
  server.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/keys`;
  return server;
}
const jwks = (...keys: [string, KeyObject][]): string =>
  JSON.stringify({ keys: keys.map(([kid, key]) => ({ ...key.export({ format: 'jwk' }), kid })) });

t.test('keys from an address', async (t) => {
  const server = await keyServer(t);
  server.body = jwks(['one', KEYS.ES256.publicKey]);
  const checks = verifier('ES256', { publicKeyFile: '', keySetUrl: server.url });
  const by = (kid: string) => token({ sub: 'alice' }, { ...signing('ES256'), kid });
  for (let i = 0; i < 20; i++) t.match(await checks.verify(await by('one')), { user: 'alice' });
  t.equal(server.hits, 1, 'fetched once for many tokens');
  for (let i = 0; i < 20; i++) t.match(await checks.verify(await by('two')), { code: 'unauthorized' });
  t.ok(server.hits <= 3, `an unknown key is not asked for with each token: ${server.hits} requests`);
  server.body = jwks(['two', KEYS.ES256.publicKey]);
  const rotated = await by('two');
  await until(async () => 'user' in (await checks.verify(rotated)), {
    timeoutMs: 60_000,
    what: 'the new key',
  });
  t.match(
    await checks.verify(await by('one')),
    { code: 'unauthorized' },
    'the key that was taken out is not',
  );
  server.status = 500;
  t.match(await checks.verify(rotated), { user: 'alice' }, 'a known key stays good when it is down');
});

for (const [name, status, body] of [
  ['is down', 500, ''],
  ['answers no JSON', 200, '<html>'],
] as const) {
  t.test(`while the address ${name}, tokens cannot be checked`, async (t) => {
    const server = Object.assign(await keyServer(t), { status, body });
    const checks = verifier('ES256', { publicKeyFile: '', keySetUrl: server.url });
    const one = await token({ sub: 'alice' }, { ...signing('ES256'), kid: 'one' });
    t.match(await checks.verify(one), { code: 'unavailable' });
  });
}
