import { EventEmitter } from 'node:events';
import { SocketAddress } from 'node:net';
import { type HttpResponse } from 'uWebSockets.js';

/** What a BridgeSocket needs from its request. */
export interface SocketHost {
  /** The address of the peer as 4 or 16 bytes. */
  readonly remoteAddress: ArrayBuffer;
  /** Closes the connection at once. */
  kill(): void;
}

/**
 * Stands in for `request.socket`.
 *
 * It lives as long as its request, not as long as the connection: uWS does not tell which requests share one. 'close' is
 * emitted only if the connection ends during the request. Ports and the local address are unknown.
 */
export class BridgeSocket extends EventEmitter {
  readonly encrypted = false;
  readonly remotePort = undefined;
  readonly localAddress = undefined;
  readonly localPort = undefined;
  readonly readable = true;
  destroyed = false;
  private address: string | undefined;

  constructor(private readonly host: SocketHost) {
    super();
  }

  get writable(): boolean {
    return !this.destroyed;
  }

  /** As node:net writes it: "127.0.0.1", "::ffff:127.0.0.1", "::1". */
  get remoteAddress(): string {
    return (this.address ??= addressText(new Uint8Array(this.host.remoteAddress)));
  }

  get remoteFamily(): string {
    return this.host.remoteAddress.byteLength === 4 ? 'IPv4' : 'IPv6';
  }

  /** Closes the connection at once, answered or not. */
  destroy(): this {
    this.host.kill();
    return this;
  }

  end(): this {
    return this.destroy();
  }

  destroySoon(): void {
    this.host.kill();
  }

  /** The connection is gone. */
  closed(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close', true);
  }

  /** Has no effect, like the methods below: uWS owns the connection and has time limits of its own. */
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  /** Has no effect: every answer is corked already. */
  cork(): void {
    return;
  }
  uncork(): void {
    return;
  }
}

/** The address of the other end. To be asked before the answer is sent. */
export function peerOf(native: Pick<HttpResponse, 'getRemoteAddress'>): string {
  return addressText(new Uint8Array(native.getRemoteAddress()));
}

/** An address of 4 or 16 bytes as node:net writes it (RFC 5952); empty when there is none. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const groups = Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? [];
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}
