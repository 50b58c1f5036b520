import type { LoadPlan } from './plan.js';

/** What a process is told when it starts. */
export interface Assignment {
  readonly plan: LoadPlan;
  readonly self: number;
}

export interface WindowReport {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** By group. */
  readonly groups: readonly {
    readonly posts: number;
    readonly deliveries: number;
    readonly acks: number;
    readonly others: number;
  }[];
}

/** What became of a connection's posts, as far as its process knows. */
export interface Posted {
  readonly seat: number;
  readonly room: number;
  readonly sent: number;
  readonly refused: number;
  /** May or may not have been posted: its connection ended first, or the server left it open. */
  readonly unsure: number;
}

export interface PostedReport {
  readonly posters: readonly Posted[];
  /** By room: the most messages that a reading connection here has seen of it. */
  readonly seen: readonly (readonly [room: number, messages: number])[];
}

/** What connections should have got. */
export interface Expected {
  readonly posters: readonly Posted[];
  /** By room: messages. */
  readonly rooms: readonly number[];
}

/** How many connections that read a room without any other fault saw one and the same order; one of them. */
export interface OrderSeen {
  readonly room: number;
  readonly hash: number;
  readonly count: number;
  readonly seat: number;
}

export interface CheckReport {
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
  readonly details: readonly string[];
  readonly orders: readonly OrderSeen[];
  /** By group; latencies are packed. */
  readonly groups: readonly {
    readonly refused: Readonly<Record<string, number>>;
    readonly closed: Readonly<Record<string, number>>;
    readonly delivery: string;
    readonly ack: string;
    readonly late: string;
  }[];
}

export interface ConnectReport {
  readonly connections: number;
  readonly welcome: string;
}

/** By room: how many messages were posted there, and the seq of the last one. */
export type Kept = readonly (readonly [room: number, posts: number, seq: number])[];

/** What the parent orders, one after another, and what it is answered. */
export interface Orders {
  /** Nothing: answered when it has started. */
  ready: { given: Record<string, never>; answer: null };
  connect: { given: Record<string, never>; answer: ConnectReport };
  /** Post from this time on. */
  post: { given: { at: number }; answer: null };
  /** The measured window begins, and ends. */
  begin: { given: Record<string, never>; answer: null };
  end: { given: Record<string, never>; answer: WindowReport };
  halt: { given: Record<string, never>; answer: PostedReport };
  /** Waits until everybody has what should come, or nothing comes any more; says whether it is quiet. */
  settle: { given: Expected; answer: boolean };
  posted: { given: Record<string, never>; answer: PostedReport };
  check: { given: Expected; answer: CheckReport };
  /** Slow members read what is left for them, or learn that they were closed. */
  drain: { given: Record<string, never>; answer: null };
  /** From now on everybody reads seqs. */
  track: { given: Record<string, never>; answer: null };
  /** One poster of each talking room posts so many, and has them back. */
  keep: { given: { posts: number }; answer: Kept };
  /** Waits until everybody has got so many more in these rooms. */
  caughtUp: { given: { kept: Kept }; answer: null };
  /** Everybody but those who keep posting is gone, and comes back. */
  drop: { given: Record<string, never>; answer: null };
  comeBack: { given: { kept: Kept }; answer: ConnectReport & { readonly recovered: number } };
}

export type OrderName = keyof Orders;

export type Handlers = {
  readonly [N in OrderName]: (
    given: Orders[N]['given'],
  ) => Orders[N]['answer'] | Promise<Orders[N]['answer']>;
};

export interface Order<N extends OrderName = OrderName> {
  readonly name: N;
  readonly given: Orders[N]['given'];
}

export type Reply = { readonly answer: unknown } | { readonly error: string };
