import { type OutgoingHttpHeaders } from 'node:http';
import { checkHeader, type HeadBuilder, type HeaderValue } from './response-head.js';

/** The headers of one answer until they are sent. Names are compared without case, and sent as they were set. */
export class OutgoingHeaders {
  private stored: Map<string, [name: string, value: HeaderValue]> | undefined;

  get empty(): boolean {
    return this.stored === undefined || this.stored.size === 0;
  }

  /** @throws for a name or value that is not valid, see `checkHeader`. */
  set(name: string, value: unknown): void {
    checkHeader(name, value);
    (this.stored ??= new Map()).set(name.toLowerCase(), [name, value]);
  }

  /** Adds a line to those of the same name. */
  append(name: string, value: string | readonly string[]): void {
    const before = this.get(name);
    if (before === undefined) this.set(name, value);
    else this.set(name, [before, value].flat().map(String));
  }

  remove(name: string): void {
    this.stored?.delete(name.toLowerCase());
  }

  get(name: string): number | string | string[] | undefined {
    const value = this.stored?.get(name.toLowerCase())?.[1];
    // As with node:http, the caller gets the very array that was set, which our types call readonly.
    return value as number | string | string[] | undefined;
  }

  has(name: string): boolean {
    return this.stored?.has(name.toLowerCase()) ?? false;
  }

  names(): string[] {
    return [...(this.stored?.keys() ?? [])];
  }

  rawNames(): string[] {
    return [...(this.stored?.values() ?? [])].map(([name]) => name);
  }

  all(): OutgoingHttpHeaders {
    const all: OutgoingHttpHeaders = {};
    for (const name of this.names()) all[name] = this.get(name);
    return all;
  }

  addTo(builder: HeadBuilder): void {
    for (const [name, value] of this.stored?.values() ?? []) builder.add(name, value);
  }
}
