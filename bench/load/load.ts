/** What one run of the generator does; handed over as JSON in argv. */
export interface Load {
  readonly port: number;
  readonly rooms: number;
  readonly membersPerRoom: number;
  /** Posts under way in each room; 0: nobody posts. */
  readonly inFlight: number;
  readonly seconds: number;
  /** Whether the server greets with a frame of its own. */
  readonly greets: boolean;
  /** The frame that is posted. */
  readonly post: string;
  /** Frames with at least so many bytes are messages; shorter ones are acks and the like. */
  readonly messageBytes: number;
}

export interface LoadResult {
  readonly deliveries: number;
  readonly posts: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}
