import t from 'tap';
import { createTokens, refreshInMs } from '../../../api/client/token.js';
import { UnauthorizedError } from '../../../api/client/index.js';

const NOW = 1_800_000_000_000;
const tokenUntil = (s: number | undefined): string =>
  `x.${Buffer.from(JSON.stringify({ exp: s, name: 'Zoë ??>' })).toString('base64url')}.y`;

t.test('a token is renewed a minute before it expires, a short one at half of its time', async (t) => {
  const inMs = (ms: number): number | null => refreshInMs(tokenUntil((NOW + ms) / 1_000), NOW);
  t.equal(inMs(600_000), 540_000);
  t.equal(inMs(60_000), 30_000);
  t.equal(inMs(-5_000), -2_500);
  t.equal(inMs(1e12), 86_400_000, 'as far as a timer reaches');
  t.equal(refreshInMs(tokenUntil(undefined), NOW), null);
  for (const other of ['', 'opaque', 'a.b.c', 'a.e30.c']) t.equal(refreshInMs(other, NOW), null, other);
});

t.test('errors of getToken are told as ours', async (t) => {
  const failing = (error: unknown) =>
    new Promise((resolve, reject) =>
      createTokens({
        token: null,
        getToken: () => {
          throw error;
        },
        connectTimeoutMs: 1_000,
      }).next(reject, resolve),
    );
  t.match(await failing(new Error('offline')), { name: 'NetworkError', retry: true, message: /offline/ });
  const final = new UnauthorizedError('unauthorized', 'log in again', false);
  t.equal(await failing(final), final);
});

t.test('a getToken that never answers is given up', async (t) => {
  const tokens = createTokens({
    token: null,
    getToken: () => new Promise<string>(() => undefined),
    connectTimeoutMs: 10,
  });
  // The time limit alone keeps no process alive.
  const alive = setInterval(() => undefined, 1_000);
  const error = await new Promise((resolve, reject) => tokens.next(reject, resolve));
  clearInterval(alive);
  t.match(error, { code: 'timeout', retry: true });
});

t.test('a token that was refused is replaced once for all who ask', async (t) => {
  let made = 0;
  const tokens = createTokens({ token: null, getToken: () => `token ${++made}`, connectTimeoutMs: 1_000 });
  await new Promise((resolve, reject) => tokens.next(resolve, reject));
  t.equal(await tokens.renew('token 1'), 'token 2');
  t.equal(await tokens.renew('token 1'), 'token 2', 'there is a newer one already');
  const fixed = createTokens({ token: 'only one', getToken: undefined, connectTimeoutMs: 1_000 });
  t.equal(await fixed.renew('only one'), null);
});
