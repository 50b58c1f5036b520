import { Readable, type ReadableOptions } from 'node:stream';

/** A Readable whose constructor has not run yet: it has all methods, and costs nothing until {@link build} is called. */
// In the types Readable is a class. In Node it is a function, so its prototype can be used without calling it.
export const UnbuiltReadable = function UnbuiltReadable() {
  // Empty on purpose: `build` does the rest, if it is needed.
} as unknown as new () => Readable;
Object.setPrototypeOf(UnbuiltReadable.prototype as object, Readable.prototype);

/** Runs the constructor now. Listeners that were attached before stay. */
export function build(stream: Readable, options: ReadableOptions): void {
  // As above: a function can be called on an object, which the types do not know.
  (Readable as unknown as (this: Readable, options: ReadableOptions) => void).call(stream, options);
}

/** Marks a stream that was just built as ended: 'end' was emitted before and must not be emitted again. */
export function skipToEnd(state: unknown): void {
  Object.assign(state as object, { ended: true, endEmitted: true });
}
