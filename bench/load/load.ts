/** What one run of the posters does: rooms of one member each, who posts; handed over as JSON in argv. */
export interface PostLoad {
  readonly port: number;
  readonly rooms: number;
  /** Posts without an ack yet, over all rooms; with fewer of them than rooms, no room has more than one. */
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly seconds: number;
  /** The frame that is posted. */
  readonly post: string;
}

export interface PostResult {
  readonly acks: number;
  /** Posts answered with an error, and connections that the server ended, from the first post on. */
  readonly faults: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** From a post to its ack, ms; null if there was none. */
  readonly p50: number | null;
  readonly p99: number | null;
}
