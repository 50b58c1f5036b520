import { Type, type TString } from '@sinclair/typebox';

/** What a limit is set to where it is not set: it depends on AUTH. */
const AUTO = 'auto';
/** How many digits a limit may have: all that is larger is no limit anyway. */
const LIMIT = '^(auto|[0-9]{1,7})$';

/** The values that limits have with AUTH=jwt, by their names. */
type Limits = Readonly<Record<string, number>>;

/** A setting for a limit; `withTokens`: its value with AUTH=jwt where it is not set. */
export function limit(withTokens: number, description: string): TString {
  return Type.String({
    default: AUTO,
    pattern: LIMIT,
    description: `${description}; 0: no limit; auto: ${withTokens} with AUTH=jwt, else 0`,
  });
}

/**
 * Limits as numbers; 0: no limit. Without authentication a user is only a name, and whoever reaches the server is trusted by its
 * operator: then nothing is limited unless it is set.
 */
export function readLimits<L extends Limits>(
  settings: { readonly [K in keyof L]: string } & { readonly AUTH: 'off' | 'jwt' },
  withTokens: L,
): { readonly [K in keyof L]: number } {
  const read = (name: keyof L & string): number => {
    if (settings[name] !== AUTO) return Number(settings[name]);
    return settings.AUTH === 'jwt' ? (withTokens[name] ?? 0) : 0;
  };
  return Object.fromEntries(Object.keys(withTokens).map((name) => [name, read(name)])) as {
    readonly [K in keyof L]: number;
  };
}
