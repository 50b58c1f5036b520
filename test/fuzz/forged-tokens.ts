import { createHmac } from 'node:crypto';
import { AUDIENCE, inSeconds, ISSUER, SECRET } from '../support/tokens.js';
import { anyBytes, anyJson, anyText, bent, mutated, type Chance } from './chance.js';

/**
 * A token of an attacker. `worth`: `none`: whatever it says, nobody who has the key has made it, so no door may open; `some`: it
 * is signed, and its claims are as anything may be; `good`: it is right, and allows everything in `channel:*`.
 */
export interface Forged {
  readonly text: string;
  readonly worth: 'none' | 'some' | 'good';
}

const url64 = (text: string | Buffer): string => Buffer.from(text).toString('base64url');
const HEADER = '{"alg":"HS256"}';

/** A signature of HS256 under any header: what a server does that lets the token choose its algorithm would accept it. */
function signed(header: string, payload: string, key = SECRET): string {
  const input = `${url64(header)}.${url64(payload)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

function claimsOf(sub: string): Record<string, unknown> {
  return {
    sub,
    iss: ISSUER,
    aud: AUDIENCE,
    iat: Math.floor(inSeconds(0)),
    exp: Math.floor(inSeconds(3_600)),
    rooms: [{ room: 'channel:*', may: ['join', 'post', 'read'] }],
  };
}

/** Headers that are not the one that the server expects, or say more. */
function headerOf(chance: Chance): string {
  return chance.pick([
    '{"alg":"none"}',
    '{"alg":"None"}',
    '{"alg":"hs256"}',
    '{"alg":"HS384"}',
    '{"alg":"RS256"}',
    '{"alg":["HS256"]}',
    '{"alg":null}',
    '{}',
    '[]',
    'null',
    '{"alg":"HS256","crit":["exp"],"exp":1}',
    '{"alg":"HS256","crit":["b64"],"b64":false}',
    '{"alg":"HS512","alg":"RS256"}',
    anyJson(chance),
    anyText(chance),
  ]);
}

/** Values of every type for a claim, and structures that are large or deep. */
function valueOf(chance: Chance): unknown {
  const deep = chance.pick([5, 100, 1_500]);
  return chance.pick([
    null,
    true,
    -1,
    0,
    1.5,
    1e15,
    1e308,
    Date.now(),
    '',
    'alice',
    'a\u0000b',
    'guest-0123456789ab',
    anyText(chance),
    [],
    {},
    JSON.parse('['.repeat(deep) + ']'.repeat(deep)) as unknown,
    [{ room: '*'.repeat(64), may: ['read'] }],
    [{ room: 7, may: 'read' }],
    [{ room: 'a', may: [['read']] }],
    [{ room: 'a', may: ['read', '__proto__'] }],
    Array.from({ length: 101 }, () => ({ room: 'a', may: [] })),
  ]);
}

/** A payload with one or a few of its claims of another type, doubled, left out, or joined by others. */
function payloadOf(chance: Chance, sub: string): string {
  const claims = claimsOf(sub);
  switch (chance.below(5)) {
    case 0:
      return bent(chance, claims);
    case 1:
      // The last one of a name counts, in every JSON parser that is in use.
      return `${JSON.stringify(claims).slice(0, -1)},"${chance.pick(Object.keys(claims))}":${JSON.stringify(valueOf(chance))}}`;
    case 2:
      return anyJson(chance);
    case 3:
      return anyText(chance);
    default: {
      const name = chance.pick([
        ...Object.keys(claims),
        'nbf',
        'jti',
        'scope',
        'name',
        '__proto__',
        'constructor',
      ]);
      return JSON.stringify({ ...claims, [name]: valueOf(chance) });
    }
  }
}

/** Something that is made of a good token. Not every change matters: the last character of base64 has spare bits. */
function madeOf(good: string, text: string): Forged {
  const [was, is] = [good.split('.'), text.split('.')];
  const isSame = is.length === 3 && was[0] === is[0] && was[1] === is[1] && sameBytes(was[2], is[2]);
  return { text, worth: isSame ? 'some' : 'none' };
}

/** A header that names the right algorithm may stand before anything else. */
function worthOfHeader(header: string): Forged['worth'] {
  try {
    const value = JSON.parse(header) as { readonly alg?: unknown } | null;
    return value?.alg === 'HS256' ? 'some' : 'none';
  } catch {
    return 'none';
  }
}

function sameBytes(a = '', b = ''): boolean {
  return Buffer.from(a, 'base64url').equals(Buffer.from(b, 'base64url'));
}

/** A token of this user that is right. */
export function goodToken(sub: string): Forged {
  return { text: signed(HEADER, JSON.stringify(claimsOf(sub))), worth: 'good' };
}

/** Any token, most of them nearly right. `sub`: the user of the right ones. */
export function forgedToken(chance: Chance, sub: string): Forged {
  const { text: good } = goodToken(sub);
  switch (chance.below(9)) {
    case 0:
      return goodToken(sub);
    case 1:
    case 2:
      return madeOf(good, mutated(chance, Buffer.from(good)).toString('latin1'));
    case 3:
    case 4:
      return { text: signed(HEADER, payloadOf(chance, sub)), worth: 'some' };
    case 5: {
      const header = headerOf(chance);
      return { text: signed(header, JSON.stringify(claimsOf(sub))), worth: worthOfHeader(header) };
    }
    case 6:
      return { text: signed(HEADER, JSON.stringify(claimsOf(sub)), 'x'.repeat(32)), worth: 'none' };
    case 7: {
      const [header = '', payload = ''] = good.split('.');
      const signature = chance.pick(['', 'AA', url64(anyBytes(chance, 40)), payload]);
      const first = chance.yes(0.5) ? url64(headerOf(chance)) : header;
      return { text: `${first}.${payload}.${signature}`, worth: 'none' };
    }
    default:
      return madeOf(
        good,
        chance.pick([
          'x'.repeat(chance.below(60_000)),
          '.'.repeat(chance.below(9_000)),
          `${good}.${good}`,
          `${good}=`,
          `${url64(anyJson(chance))}..`,
          anyText(chance),
        ]),
      );
  }
}
