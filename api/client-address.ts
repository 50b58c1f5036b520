import proxyAddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';
import type { FastifyRequest } from 'fastify';
import { isIP } from 'node:net';
import type { Log } from '../engine/ports.js';

/** Says from which address a request comes: `peer` is the socket's, `forwardedFor` the header X-Forwarded-For, or ''. */
export type ClientAddress = (peer: string, forwardedFor: string) => string;

/**
 * The client's address is the peer's. If the peer is a trusted proxy, it is the right-most entry of X-Forwarded-For that is
 * not one: whatever stands to the left of that, its client may have made up. `trusted`: the result of `readProxies`.
 */
export function createClientAddress(trusted: readonly string[], log: Pick<Log, 'warn'>): ClientAddress {
  const isTrusted = trusted.length === 0 ? () => false : proxyAddr.compile([...trusted]);
  let warned = false;

  /** Once: there may be one for each request, and anybody can send the header. */
  function warn(peer: string): void {
    if (warned) return;
    warned = true;
    log.warn(
      { ip: peer },
      'X-Forwarded-For of a peer that is no trusted proxy is ignored; if it is your proxy, add its address to TRUSTED_PROXIES',
    );
  }

  return (peer, forwardedFor) => {
    if (forwardedFor === '') return peer;
    if (!isTrusted(peer, 0)) {
      warn(peer);
      return peer;
    }
    let address = peer;
    for (const entry of forwardedFor.split(',').reverse()) {
      const given = addressOf(entry.trim());
      // A proxy that does not know says "unknown" or the like: what is left of that is not known to be true.
      if (given === null) return address;
      address = given;
      if (!isTrusted(given, 0)) return address;
    }
    return address;
  };
}

export function addressOfRequest(
  { raw, headers }: Pick<FastifyRequest, 'raw' | 'headers'>,
  addressOf: ClientAddress,
): string {
  return addressOf(raw.socket.remoteAddress ?? '', headers['x-forwarded-for']?.toString() ?? '');
}

/** Parses the setting TRUSTED_PROXIES: addresses and ranges such as 10.0.0.0/8, separated by commas. Throws otherwise. */
export function readProxies(text: string): readonly string[] {
  const proxies = text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  // The library also takes short forms, such as 10.1 for 10.0.0.1, and names of ranges.
  for (const one of proxies) if (isIP(one.split('/')[0] ?? '') === 0) throw new Error(`${one} is no address`);
  // It throws for a range that is none, also for one of everything.
  if (proxies.length > 0) proxyAddr.compile([...proxies]);
  return proxies;
}

/** Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
const WITH_PORT = /^(?:([0-9.]+)|\[([0-9a-fA-F:.]+)\])(?::\d+)?$/;

/** An address as it is logged and compared; null: it is none. */
function addressOf(entry: string): string | null {
  const [, four, six] = WITH_PORT.exec(entry) ?? [];
  const text = four ?? six ?? entry;
  return isIP(text) === 0 ? null : ipaddr.process(text).toString();
}

/** Whoever has one IPv6 address usually has all of a network of this size: 2^64 of them. */
const GROUPS_OF_A_NETWORK = 4;

/** What limits for an address are counted by: an IPv4 address, or the /64 of an IPv6 address. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${parsed.parts
    .slice(0, GROUPS_OF_A_NETWORK)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}
