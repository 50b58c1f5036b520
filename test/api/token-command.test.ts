import t from 'tap';
import { createJwtVerifier } from '../../adapters/jwt/verifier.js';
import { systemClock } from '../../adapters/system/clock.js';
import { jwtSettings } from '../../api/auth-settings.js';
import { checkToken, makeFault, makeToken } from '../../api/commands/token.js';
import { readConfig } from '../../api/config.js';
import { JWT_ENV, unsigned } from '../support/tokens.js';

const config = readConfig(JWT_ENV);
const quiet = (): void => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const verifier = createJwtVerifier(jwtSettings(config), { log, clock: systemClock });
const wish = { user: 'alice', rooms: [], isService: false, forS: 60 };

t.test('a token that was made is accepted, and told in words', async (t) => {
  const { isGood, text } = await checkToken(`${await makeToken(wish, config, Date.now())}\n`, verifier);
  t.ok(isGood);
  t.match(text, /^alice, until 20.*Z\nin rooms \* may join, post, read, kick, open, close$/);
});

t.test('a token for some rooms, and one for a service', async (t) => {
  const some = { ...wish, rooms: [{ room: 'team:*', may: ['join' as const] }] };
  t.match((await checkToken(await makeToken(some, config, Date.now()), verifier)).text, /team:\* may join$/);
  const service = await makeToken({ ...wish, isService: true }, config, Date.now());
  t.match((await checkToken(service, verifier)).text, /may do everything/);
});

t.test('a token that is not accepted is told why', async (t) => {
  const old = await makeToken(wish, config, Date.now() - 3_600_000);
  t.same(await checkToken(old, verifier), {
    isGood: false,
    text: 'the token is not accepted: it has expired',
  });
  t.equal((await checkToken(unsigned({ sub: 'alice' }), verifier)).isGood, false);
});

t.test('where the issuer has the key, it makes the tokens', async (t) => {
  t.match(makeFault({ JWT_ALG: 'ES256' }), /the issuer makes the tokens/);
  t.equal(makeFault(config), null);
});
