import { Type } from '@sinclair/typebox';

/** What a limit is set to where it is not set: it depends on AUTH. */
const AUTO = 'auto';
/** How many digits a limit may have: all that is larger is no limit anyway. */
const LIMIT = '^(auto|[0-9]{1,7})$';

function limit(withTokens: number, description: string) {
  return Type.String({
    default: AUTO,
    pattern: LIMIT,
    description: `${description}; 0: no limit; auto: ${withTokens} with AUTH=jwt, else 0`,
  });
}

/**
 * With AUTH=jwt, far above what an office behind one address does: several hundred people, each with some tabs, who all come
 * back within a minute after an outage.
 */
const WITH_TOKENS = {
  CONNECTIONS_PER_ADDRESS: 2_000,
  /** Each tab and each device is one. */
  CONNECTIONS_PER_USER: 100,
  JOINS_PER_ADDRESS: 50,
} as const;

/** The limits on who comes, as they are in `Settings`. */
export const ARRIVAL_SETTINGS = {
  MAX_CONNECTIONS: Type.Integer({
    default: 100_000,
    minimum: 0,
    maximum: 10_000_000,
    description: 'WebSockets on this node; further ones are closed with 4503; 0: no limit',
  }),
  CONNECTIONS_PER_ADDRESS: limit(
    WITH_TOKENS.CONNECTIONS_PER_ADDRESS,
    'WebSockets from one address (IPv6: a /64) on this node',
  ),
  CONNECTIONS_PER_USER: limit(
    WITH_TOKENS.CONNECTIONS_PER_USER,
    'WebSockets of one user on this node; tokens of the scope "service" have no limit',
  ),
  JOINS_PER_ADDRESS: limit(
    WITH_TOKENS.JOINS_PER_ADDRESS,
    'WebSockets that one address may open per second on average, and 20 times as many at once',
  ),
};

/** The limits as numbers; 0: no limit. */
export interface ArrivalLimits {
  readonly MAX_CONNECTIONS: number;
  readonly CONNECTIONS_PER_ADDRESS: number;
  readonly CONNECTIONS_PER_USER: number;
  readonly JOINS_PER_ADDRESS: number;
}

type Given = { readonly [K in keyof typeof WITH_TOKENS]: string } & {
  readonly AUTH: 'off' | 'jwt';
  readonly MAX_CONNECTIONS: number;
};

/**
 * Without authentication a user is only a name, and the address is this machine's or that of a network which its operator
 * trusts: then nothing is limited unless it is set.
 */
export function arrivalLimits(settings: Given): ArrivalLimits {
  const read = (name: keyof typeof WITH_TOKENS): number => {
    if (settings[name] !== AUTO) return Number(settings[name]);
    return settings.AUTH === 'jwt' ? WITH_TOKENS[name] : 0;
  };
  return {
    MAX_CONNECTIONS: settings.MAX_CONNECTIONS,
    CONNECTIONS_PER_ADDRESS: read('CONNECTIONS_PER_ADDRESS'),
    CONNECTIONS_PER_USER: read('CONNECTIONS_PER_USER'),
    JOINS_PER_ADDRESS: read('JOINS_PER_ADDRESS'),
  };
}
