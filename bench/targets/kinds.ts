import type { DialectName } from '../load/plan.js';

export type PeerName = 'uws-raw' | 'uws-relay' | 'uws-gathered' | 'ws' | 'socket.io' | 'fastify-node';

export type TargetName =
  'parlor' | 'parlor-sqlite' | 'parlor-before' | 'parlor-rabbitmq' | 'centrifugo' | PeerName;

/** A server under measurement: a process of its own on a free port of 127.0.0.1. */
export interface Target {
  readonly name: TargetName;
  readonly dialect: DialectName;
  readonly port: number;
  /** Whether it greets with a frame of its own. */
  readonly greets: boolean;
  /** Name and version, as a result states them. */
  readonly version: string;
  /** How it is set up, in one line, as a result states it. */
  readonly settings: string;
  /** CPU used so far by all its threads, seconds. */
  cpuSeconds(): number;
  /** The same of the thread that runs its event loop; of all its threads where there is no such loop. */
  mainThreadSeconds(): number;
  /** CPU used so far by each of its other threads, seconds, by the thread's id; none where all are alike. */
  otherThreadSeconds(): ReadonlyMap<number, number>;
  /** CPU that its message broker has used so far, seconds; null when there is none or it is not to be seen. */
  brokerCpuSeconds(): number | null;
  /** The AMQP_URL of its broker, for a second node of the same cluster; null when there is none. */
  readonly brokerUrl: string | null;
  /** Resident memory now, bytes. */
  residentBytes(): number;
  /** What it has read and written so far but for its clients' connections: broker, store, log. */
  backBytes(): number;
  /** V8's used heap now, bytes; null when it has none. */
  heapBytes(): Promise<number | null>;
  /** Collects its garbage, where it was started so that it can. */
  collect?(): Promise<void>;
  /** The last warnings and errors that it has logged. */
  complaints(): readonly string[];
  stop(): Promise<void>;
}
