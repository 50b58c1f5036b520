import { Readable, type ReadableOptions } from 'node:stream';

/** A Readable whose constructor has not run: it inherits everything and costs nothing until {@link build}. */
// The types know Readable as a class only; Node defines it as a function, whose prototype may be used without it.
export const UnbuiltReadable = function UnbuiltReadable() {
  // Nothing yet: that is the point.
} as unknown as new () => Readable;
Object.setPrototypeOf(UnbuiltReadable.prototype as object, Readable.prototype);

/** Runs the constructor now. Listeners attached before stay. */
export function build(stream: Readable, options: ReadableOptions): void {
  // As above: the function may be called on an object, which the types do not know.
  (Readable as unknown as (this: Readable, options: ReadableOptions) => void).call(stream, options);
}

/** Puts a stream that was just built behind its end: 'end' has been emitted already and must not come again. */
export function skipToEnd(state: unknown): void {
  Object.assign(state as object, { ended: true, endEmitted: true });
}
