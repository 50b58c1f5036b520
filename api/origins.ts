import { isIPv4, isIPv6 } from 'node:net';

/** Whether a page may use this server: decided for each request by its `Origin` and `Host`, before anything else. */
export interface Guard {
  /** Why a request is refused, in words that say what to set; null: it is not. `origin` is '' where there is none. */
  refusal(origin: string, host: string): string | null;
  /** Origins that CORS lets read answers; `*`: all; null: none is listed. */
  readonly cors: readonly string[] | '*' | null;
}

/**
 * Without authentication, every page in a browser that can reach the server could use it. So a page of another origin
 * must be listed. Requests without `Origin` come from services and command lines, and are allowed. `Host` must be a known
 * name: if the name of a page is made to point to this server (DNS rebinding), the browser takes them for one origin, and
 * only `Host` shows it. `origins` and `hosts` are results of `readOrigins` and `readHosts`.
 */
export function createGuard(origins: readonly string[], hosts: readonly string[]): Guard {
  const anyOrigin = origins.includes('*');
  const listed = new Set(origins);
  // The hosts of listed origins are known names.
  const names = new Set([
    'localhost',
    ...hosts,
    ...origins.map((origin) => hostname(origin.replace(/^.*:\/\//, ''))),
  ]);
  /** Nearly all requests have the same Host, so the last good one is not parsed again. */
  let lastGood = '';

  function isKnown(host: string): boolean {
    if (host === lastGood) return host !== '';
    const name = hostname(host.toLowerCase());
    if (!isAddress(name) && !names.has(name)) return false;
    lastGood = host;
    return true;
  }

  return {
    refusal(origin, host) {
      if (anyOrigin) return null;
      if (!isKnown(host))
        return `Host ${shown(host)} is neither an IP address nor localhost nor listed: add it to HOSTS, or the page's origin to ORIGINS`;
      if (origin === '') return null;
      const given = normalOrigin(origin);
      if (listed.has(given) || isSame(given, host.toLowerCase())) return null;
      return `pages of ${shown(origin)} may not use this server: add it to ORIGINS`;
    },
    cors: anyOrigin ? '*' : origins.length === 0 ? null : origins,
  };
}

/** Parses the setting ORIGINS: separated by commas, each `*` or a scheme, a host and perhaps a port. Throws otherwise. */
export function readOrigins(text: string): readonly string[] {
  return parts(text).map((one) => {
    if (one !== '*' && !/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/i.test(one))
      throw new Error(`${one} is no origin`);
    return normalOrigin(one);
  });
}

/** Parses the setting HOSTS: names without ports, separated by commas. Throws if one is not a name. */
export function readHosts(text: string): readonly string[] {
  return parts(text).map((one) => {
    if (!/^[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?$/i.test(one)) throw new Error(`${one} is no name of a host`);
    return one.toLowerCase();
  });
}

function parts(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** In lower case and without the default port of its scheme, as browsers send it. */
function normalOrigin(origin: string): string {
  const lower = origin.toLowerCase();
  return lower.replace(/^(http:\/\/.*):80$|^(https:\/\/.*):443$/, '$1$2');
}

/** Whether a page of this origin was loaded from this Host. A proxy may terminate TLS, so schemes are not compared. */
function isSame(origin: string, host: string): boolean {
  const [scheme, rest] = origin.split('://');
  if (scheme === 'https') return rest === host.replace(/:443$/, '');
  return scheme === 'http' && rest === host.replace(/:80$/, '');
}

/** Without the port. */
function hostname(host: string): string {
  return host.replace(/:\d*$/, '');
}

function isAddress(name: string): boolean {
  return isIPv4(name) || (name.startsWith('[') && name.endsWith(']') && isIPv6(name.slice(1, -1)));
}

/** A client's text as it is quoted in an answer. */
function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
