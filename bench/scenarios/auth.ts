import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { P50, P99, POSTS, ratio } from './columns.js';
import { httpFaults, runHttp } from './http.js';
import { complaintsOf, IN_MEMORY } from './measure.js';
import type { Cell, Scenario } from './scenario.js';

const CONNECTIONS = 64;
const ROOMS = 100;
const OFF = 'AUTH=off';
/** More than a node keeps (GrantCache), so that each is new to it again when its turn comes. */
const NEW_TOKENS = 25_000;
const ALGORITHMS = ['HS256', 'RS256'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

/** What a server needs to take tokens, and how they are signed. */
interface Issuer {
  readonly settings: Readonly<Record<string, string>>;
  readonly sign: (text: string) => Buffer;
}

const issuers = new Map<Algorithm, Issuer>();

function issuerOf(algorithm: Algorithm): Issuer {
  const issuer = issuers.get(algorithm) ?? createIssuer(algorithm);
  issuers.set(algorithm, issuer);
  return issuer;
}

function createIssuer(algorithm: Algorithm): Issuer {
  if (algorithm === 'HS256') {
    const secret = randomBytes(32).toString('hex');
    return {
      settings: { JWT_SECRET: secret },
      sign: (text) => createHmac('sha256', secret).update(text).digest(),
    };
  }
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const file = fileOf('key');
  writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
  return {
    settings: { JWT_PUBLIC_KEY_FILE: file },
    sign: (text) => sign('sha256', Buffer.from(text), privateKey),
  };
}

/** A name for a file that is gone when the benchmark ends. */
function fileOf(what: string): string {
  const file = join(tmpdir(), `parlor-bench-${process.pid}-${what}`);
  process.once('exit', () => rmSync(file, { force: true }));
  return file;
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A file of tokens of the user whom the load generator posts as, with the rights that a client needs. */
function tokensOf(algorithm: Algorithm, { sign }: Issuer, count: number): string {
  const rooms = [{ room: 'channel:*', may: ['join', 'post', 'read'] }];
  const iat = Math.floor(Date.now() / 1_000);
  const tokens = Array.from({ length: count }, (_, i) => {
    const claims = { sub: 'user-7', rooms, iat, exp: iat + 3_600, jti: `token-${i}` };
    const text = `${encode({ alg: algorithm })}.${encode(claims)}`;
    return `${text}.${sign(text).toString('base64url')}`;
  });
  const file = fileOf(`${algorithm}-${count}`);
  writeFileSync(file, tokens.join('\n'));
  return file;
}

/** `tokens`: how many there are, in turn; 0: AUTH=off. */
function cell(variant: string, algorithm: Algorithm, tokens: number): Cell {
  let issued: { readonly settings: Issuer['settings']; readonly tokensFile: string } | null = null;
  return {
    variant,
    target: 'parlor',
    async run(context) {
      if (tokens > 0 && issued === null) {
        const issuer = issuerOf(algorithm);
        // One user sends all posts of this benchmark.
        const auth = {
          AUTH: 'jwt',
          JWT_ALG: algorithm,
          POSTS_PER_USER: '0',
          POSTS_PER_ROOM: '0',
          ROOMS_OPENED_PER_USER: '0',
        };
        issued = {
          settings: { ...auth, ...issuer.settings },
          tokensFile: tokensOf(algorithm, issuer, tokens),
        };
      }
      const server = await context.target('parlor', { ...IN_MEMORY, ...issued?.settings });
      const { result, cpu, figures } = await runHttp(server, context.mode, {
        ...{ connections: CONNECTIONS, load: { type: 'closed', inFlight: 1 }, rooms: ROOMS },
        ...(issued === null ? {} : { tokensFile: issued.tokensFile }),
      });
      return { figures, cpu, faults: [...httpFaults(result), ...complaintsOf([server])] };
    },
  };
}

const off = cell(OFF, 'HS256', 0);
const known = ALGORITHMS.map((algorithm) => cell(`${algorithm}, known`, algorithm, 1));
const fresh = ALGORITHMS.map((algorithm) => cell(`${algorithm}, new each time`, algorithm, NEW_TOKENS));

export const auth: Scenario = {
  name: 'auth',
  title: 'What a token costs',
  about:
    'Posts over HTTP as in `post`. “Known”: each with the same token, which is verified once and then found by its hash. “New each time”: ' +
    `${NEW_TOKENS} tokens in turn, more than a node keeps, so that each post has one that has to be verified.`,
  short: { rounds: 3, seconds: 2 },
  // A start differs from the next by 10 % and more, so many of them: the goal is 5 %.
  long: { rounds: 15, seconds: 2 },
  figures: [POSTS, P50, P99],
  chart: { type: 'bars', title: 'Tokens: posts a second', figure: POSTS.key, digits: 0 },
  blocks: () => [{ cells: [off, ...known, ...fresh] }],
  comparisons: [
    ...known.map((cell) =>
      ratio(`posts/s: ${cell.variant}, to AUTH=off`, POSTS, cell, off, { atLeast: 0.95 }),
    ),
    ...fresh.map((cell) => ratio(`posts/s: ${cell.variant}, to AUTH=off`, POSTS, cell, off, null)),
  ],
};
