/** How a target's frames look on the wire. */
export type DialectName = 'parlor' | 'plain' | 'socket.io' | 'centrifugo';

/** Rooms that are alike. */
export interface Group {
  /** Unique in a plan; the rooms are `channel:<name>-<n>`, n from 0. */
  readonly name: string;
  readonly rooms: number;
  /** Connections in a room, each another user. */
  readonly members: number;
  /** Every n-th room talks; 1: all of them. */
  readonly talkEvery: number;
  /** Members of a talking room who post. */
  readonly posters: number;
  readonly load:
    | { readonly type: 'none' }
    /** Each poster has so many posts under way: it posts again when it has its own message back. */
    | { readonly type: 'closed'; readonly inFlight: number }
    /** Over the whole group, on a schedule; what is late counts from the planned time. */
    | { readonly type: 'open'; readonly perSecond: number };
  /** Members of each room who stop reading once they are in; never posters. */
  readonly slow?: number;
  /** Typing frames a second over the group's talking rooms; dialect parlor only. */
  readonly typing?: number;
}

export interface LoadPlan {
  readonly dialect: DialectName;
  /** Of the servers: connections are spread over them, member by member. */
  readonly ports: readonly number[];
  /** Processes that make the load. */
  readonly processes: number;
  readonly groups: readonly Group[];
  readonly warmUpMs: number;
  readonly seconds: number;
  /** Handshakes under way at once, over all processes. */
  readonly connecting: number;
  /** Of a post's text, in ASCII, marker included. */
  readonly textBytes: number;
}

/** Milliseconds; all zero where nothing was counted. */
export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface GroupResult {
  readonly name: string;
  /** Within the measured window. */
  readonly posts: number;
  readonly deliveries: number;
  readonly acks: number;
  /** Frames that are neither messages nor answers to a post: joined, left, typing, …; within the window. */
  readonly others: number;
  /** Error frames by their code, and Parlor's `queued`, from the start of the run until all was quiet. */
  readonly refused: Readonly<Record<string, number>>;
  /** Connections that the server ended, by close code (`none`: no close frame), since they were opened. */
  readonly closed: Readonly<Record<string, number>>;
  /** From a post made in the window (open loop: planned in it) to a connection that reads it, whenever it comes. */
  readonly delivery: Quantiles;
  /** From such a post to its ack, where the dialect has acks. */
  readonly ack: Quantiles;
  /** From the planned time of a post in the window to when it was made; open loop only. */
  readonly late: Quantiles;
}

/** What may not happen; all zero when the server keeps its promises. Counted when posting has stopped and all is quiet. */
export interface Faults {
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
  /** At most ten lines. One may say that the load itself did not keep its schedule, with all counts being zero. */
  readonly details: readonly string[];
}

export interface LoadResult {
  readonly seconds: number;
  /** CPU of all processes that make the load, in the window. */
  readonly cpuSeconds: number;
  readonly groups: readonly GroupResult[];
  readonly faults: Faults;
}

export interface Connected {
  readonly connections: number;
  /** From the first connect() to the last welcome. */
  readonly ms: number;
  /** From a connection's connect() to its welcome. */
  readonly welcome: Quantiles;
}
