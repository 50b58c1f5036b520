/** How a target's frames look on the wire. */
export type DialectName = 'parlor' | 'plain' | 'socket.io' | 'centrifugo';

/** Rooms that are alike. */
export interface Group {
  readonly name: string;
  readonly rooms: number;
  readonly members: number;
  readonly talkEvery: number;
  readonly posters: number;
  readonly load:
    | { readonly type: 'none' }
    | { readonly type: 'closed'; readonly inFlight: number }
    | { readonly type: 'open'; readonly perSecond: number };
  readonly slow?: number;
  readonly typing?: number;
}
export interface LoadPlan {
  readonly dialect: DialectName;
  readonly ports: readonly number[];
  readonly processes: number;
  readonly groups: readonly Group[];
  readonly warmUpMs: number;
  readonly seconds: number;
  readonly connecting: number;
  readonly textBytes: number;
}
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
  readonly posts: number;
  readonly deliveries: number;
  readonly acks: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly closed: Readonly<Record<string, number>>;
  readonly delivery: Quantiles;
  readonly ack: Quantiles;
}
export interface Faults {
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
  readonly details: readonly string[];
}
export interface LoadResult {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly groups: readonly GroupResult[];
  readonly faults: Faults;
}
export interface Connected {
  readonly connections: number;
  readonly ms: number;
  readonly welcome: Quantiles;
}
