import fc from 'fast-check';
import t from 'tap';
import { grantOf } from '../../adapters/jwt/claims.js';
import { createJwtVerifier } from '../../adapters/jwt/verifier.js';
import { systemClock } from '../../adapters/system/clock.js';
import { findToken } from '../../api/access/token.js';
import { refreshedFrame } from '../../engine/codec.js';
import { may, RIGHTS } from '../../engine/access/grant.js';
import { userFault } from '../../engine/text/names.js';
import { AUDIENCE, inSeconds, ISSUER, SECRET, token } from '../support/tokens.js';

const errors: string[] = [];
const nothing = (): void => undefined;
const log = { info: nothing, warn: nothing, error: (_: object, text: string) => void errors.push(text) };
const verifier = createJwtVerifier(
  {
    ...{ algorithm: 'HS256', secret: SECRET, publicKeyFile: '', keySetUrl: '' },
    ...{ issuer: ISSUER, audience: AUDIENCE, leewayS: 0 },
  },
  { log, clock: systemClock },
);

const anyText = fc.string({ unit: 'binary', maxLength: 80 });
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -1, 1e12, 8.64e12, 1e308, inSeconds(60)),
);
const rule = fc.record(
  {
    room: fc.oneof(anyText, fc.constantFrom('*', 'a', 'team:*', '**', '')),
    may: fc.oneof(fc.array(fc.oneof(fc.constantFrom(...RIGHTS), anyText), { maxLength: 8 }), fc.jsonValue()),
  },
  { requiredKeys: [] },
);
const rest = {
  iat: fc.oneof(number, fc.jsonValue()),
  jti: fc.oneof(anyText, fc.jsonValue()),
  scope: fc.oneof(fc.constantFrom('service', 'a service b', 'services', ''), fc.jsonValue()),
  rooms: fc.oneof(fc.array(rule, { maxLength: 5 }), fc.jsonValue()),
  name: fc.jsonValue(),
};
const wild = fc.record(
  {
    ...rest,
    sub: fc.oneof(anyText, fc.jsonValue(), fc.constantFrom('alice', 'guest-0123456789ab')),
    exp: fc.oneof(number, fc.jsonValue()),
    nbf: fc.oneof(number, fc.jsonValue()),
  },
  { requiredKeys: [] },
);
const right = fc.record(
  {
    sub: fc.constantFrom('alice', 'Zoe\u0308'),
    exp: fc.constantFrom(inSeconds(60), 253_402_300_799),
    iat: fc.nat(),
    jti: fc.uuid(),
    scope: rest.scope.filter((value) => typeof value === 'string'),
    rooms: fc.array(fc.record({ room: fc.constantFrom('*', 'team:*'), may: fc.subarray([...RIGHTS]) })),
    name: rest.name,
  },
  { requiredKeys: ['sub', 'exp'] },
);
/** As they come out of JSON, which has no Infinity. */
const claims = fc
  .oneof(wild, right)
  .map((value) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>);

t.test(
  'whatever claims a token has, they are a grant that can be told, or what is wrong is said',
  async (t) => {
    let grants = 0;
    const property = fc.property(fc.oneof(claims, fc.jsonValue()), (value) => {
      const grant = grantOf(value, Date.now(), 0);
      if ('fault' in grant) return grant.fault !== '' && !/[\r\n]/.test(grant.fault);
      grants++;
      refreshedFrame(grant.endsAt);
      for (const right of RIGHTS) may(grant, right, 'a');
      return grant.user !== null && userFault(grant.user) === null && Number.isFinite(grant.endsAt);
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 5_000 }));
    t.ok(grants > 50, `${grants} grants`);
  },
);

t.test(
  'whatever a signed token says, it is accepted or refused, and a refusal quotes nothing of it',
  async (t) => {
    const property = fc.asyncProperty(claims, async (given) => {
      const jwt = await token(given);
      const answer = await verifier.verify(jwt);
      if (!('code' in answer)) return true;
      return (
        answer.code === 'unauthorized' && !/[\r\n]/.test(answer.message) && !answer.message.includes(jwt)
      );
    });
    await t.resolves(fc.assert(property, { numRuns: 1_000 }));
    t.same(errors, [], 'and nothing of it is our fault');
  },
);

t.test('whatever text is sent as a token, it is refused', async (t) => {
  const part = fc.oneof(
    fc.base64String({ maxLength: 40 }),
    anyText,
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
    fc.constantFrom('eyJhbGciOiJIUzI1NiJ9', 'eyJhbGciOiJub25lIn0', ''),
  );
  const text = fc.oneof(
    anyText,
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
  );
  const property = fc.asyncProperty(text, async (jwt) => {
    const answer = await verifier.verify(jwt);
    return 'code' in answer && answer.code === 'unauthorized';
  });
  await t.resolves(fc.assert(property, { numRuns: 2_000 }));
  t.same(errors, []);
});

t.test('whatever the places for a token hold, one token is found, none, or a fault', async (t) => {
  const place = fc.option(
    fc.oneof(
      anyText,
      anyText.map((text) => `Bearer ${text}`),
    ),
    { nil: undefined },
  );
  const property = fc.property(place, anyText, fc.option(anyText), (authorization, protocols, query) => {
    const found = findToken({ authorization, protocols: `parlor.v1, parlor.token.${protocols}`, query });
    return 'fault' in found ? found.fault !== '' : found.token === null || typeof found.token === 'string';
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2_000 }));
});
