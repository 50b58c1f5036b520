/** A new token is asked for so long before the old one expires, ms; for one of less than 2 minutes, at half of its time. */
const LEAD_MS = 60_000;
/** The most a timer can wait in one go is 2³¹ ms. */
const LONGEST_MS = 86_400_000;

/** When a token expires, ms since 1970; null: it does not say. It is only read: whether it holds is for the server. */
export function expiryOf(token: string): number | null {
  try {
    const part = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(part)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : null;
  } catch {
    return null; // Not a JWT: the server alone knows what it is.
  }
}

/** How long from now a new token is to be asked for, ms; null: never. */
export function refreshInMs(token: string, now: number): number | null {
  const expiry = expiryOf(token);
  if (expiry === null) return null;
  const left = expiry - now;
  return Math.min(LONGEST_MS, Math.max(0, left - Math.min(LEAD_MS, left / 2)));
}
