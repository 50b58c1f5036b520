import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { P50, P99, POSTS, ratio } from './columns.js';
import { httpFaults, runHttp } from './http.js';
import { complaintsOf, IN_MEMORY } from './measure.js';
import type { Cell, Scenario } from './scenario.js';

const CONNECTIONS = 64;
const ROOMS = 100;
const OFF = 'AUTH=off';

/** A server's settings, and a token that it takes. */
interface Auth {
  readonly settings: Readonly<Record<string, string>>;
  readonly token: string | null;
}

async function off(): Promise<Auth> {
  return Promise.resolve({ settings: {}, token: null });
}

async function hs256(): Promise<Auth> {
  const secret = randomBytes(32).toString('hex');
  return {
    settings: { AUTH: 'jwt', JWT_ALG: 'HS256', JWT_SECRET: secret },
    token: await signed('HS256', (jwt) => jwt.sign(Buffer.from(secret))),
  };
}

async function rs256(): Promise<Auth> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const file = join(tmpdir(), `parlor-bench-${process.pid}.pem`);
  writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
  return {
    settings: { AUTH: 'jwt', JWT_ALG: 'RS256', JWT_PUBLIC_KEY_FILE: file },
    token: await signed('RS256', (jwt) => jwt.sign(privateKey)),
  };
}

/** Of the user whom the load generator posts as, with the rights that a client needs. */
function signed(alg: string, sign: (jwt: SignJWT) => Promise<string>): Promise<string> {
  const rooms = [{ room: 'channel:*', may: ['join', 'post', 'read'] }];
  return sign(
    new SignJWT({ rooms })
      .setProtectedHeader({ alg })
      .setSubject('user-7')
      .setIssuedAt()
      .setExpirationTime('1h'),
  );
}

function cell(variant: string, auth: () => Promise<Auth>): Cell {
  return {
    variant,
    target: 'parlor',
    async run(context) {
      const { settings, token } = await auth();
      const server = await context.target('parlor', { ...IN_MEMORY, ...settings });
      const { result, cpu, figures } = await runHttp(server, context.mode, {
        ...{ connections: CONNECTIONS, load: { type: 'closed', inFlight: 1 }, rooms: ROOMS },
        ...(token === null ? {} : { token }),
      });
      return { figures, cpu, faults: [...httpFaults(result), ...complaintsOf([server])] };
    },
  };
}

export const auth: Scenario = {
  name: 'auth',
  title: 'What a token costs',
  about:
    'Posts over HTTP as in `post`, each with the same token: it is verified once, and known by its hash afterwards. A token that comes for the first ' +
    'time is verified, which costs 60 µs (HS256) to 180 µs (EdDSA) of a core.',
  short: { rounds: 3, seconds: 2 },
  long: { rounds: 5, seconds: 5 },
  figures: [POSTS, P50, P99],
  chart: { type: 'bars', title: 'Tokens: posts a second', figure: POSTS.key, digits: 0 },
  blocks: () => [{ cells: [cell(OFF, off), cell('HS256', hs256), cell('RS256', rs256)] }],
  comparisons: ['HS256', 'RS256'].map((variant) =>
    ratio(
      `posts/s: ${variant} to AUTH=off`,
      POSTS,
      { variant, target: 'parlor' },
      { variant: OFF, target: 'parlor' },
      { atLeast: 0.95 },
    ),
  ),
};
