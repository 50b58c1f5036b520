/** From this major version of Node on, the uWebSockets.js binaries of the pinned package are recent ones. */
const RECENT_NODE = 22;

/**
 * What cannot be done on this major version of Node, for the log; null: nothing is missing. Both faults are of the binary for
 * Node 20, which is of early 2024; those for 22 and 24 have neither (tried on Debian 13 with 22.23 and 24.22).
 */
export function missingOn(nodeMajor: number): string | null {
  if (nodeMajor >= RECENT_NODE) return null;
  return (
    `Node ${nodeMajor} is out of support, and its uWebSockets.js is old: a request whose first line arrives in two ` +
    'segments is answered 505, and one with _ . ~ or ! in the name of a header is not answered. ' +
    'Use Node 24 or 22, with glibc 2.38 or newer (Debian 13, Ubuntu 24.04)'
  );
}

/** Logs that, if there is something. */
export function warnOfRuntime(log: { warn(fields: object, text: string): void }): void {
  const { node } = process.versions;
  const missing = missingOn(Number.parseInt(node, 10));
  if (missing !== null) log.warn({ node }, missing);
}
