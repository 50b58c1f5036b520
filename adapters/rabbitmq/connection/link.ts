import { connect, type ChannelModel, type RecoveringChannelModel, type RecoveryOptions } from 'amqplib';
import { atMost } from '../../../engine/at-most.js';
import { errorText } from '../../../engine/errors.js';
import type { Clock, Log } from '../../../engine/ports.js';
import { connectFault, type Address } from './addresses.js';
import { Backoff } from './backoff.js';
import { connectToPublish, leave, socketOf, socketOptions, type Connections } from './connections.js';
import { gatherWrites } from './gather-writes.js';
import { cutLongHeaders } from './long-headers.js';
import { NotOurs } from './not-ours.js';

/** A part of the adapter that uses a node's connections. It is opened on each new pair of them, and told when one is lost. */
export interface Part {
  open(connections: Connections): Promise<void>;
  /** A connection is lost, or could not be set up. May be called twice. */
  lost(): void;
  /** Sends what it was given, and closes its channels. Must not reject. */
  close(): Promise<void>;
}

export interface Link {
  /**
   * Resolves when every part is open on connections. Rejects if that is not so in time, and at once if a part rejects with
   * `NotOurs`.
   */
  start(): Promise<void>;
  /** Why nothing can be sent now, for an operator; null if it can. */
  readonly reason: string | null;
  /** Whether the broker has blocked publishing, because it is short of memory or disk. */
  readonly isBlocked: boolean;
  /** Gives up the connections, so that everything is set up again on new ones. */
  reset(reason: string): void;
  close(): Promise<void>;
}

interface Options {
  readonly addresses: readonly [Address, ...Address[]];
  readonly nodeId: string;
  readonly parts: readonly Part[];
  readonly clock: Clock;
  readonly log: Log;
  /** How long `start` may try, ms. */
  readonly startMs: number;
  /** Called when publishing works: all parts are open, or the broker has unblocked it. */
  readonly ready: () => void;
  /** The broker accepts no messages, because it is short of memory or disk. */
  readonly blocked: () => void;
  /** The broker accepts messages again. Called before `ready`, and also while the link is not up yet. */
  readonly unblocked: () => void;
}

/** How long it may take to open all parts on a new connection, ms. */
const SETUP_MS = 10_000;
/** How long `close` waits for the broker, ms: one that does not answer must not keep the process from ending. */
const CLOSE_MS = 2_000;

/** The connections that are in use, or are being set up. */
interface Pair {
  readonly consuming: ChannelModel;
  publishing: ChannelModel | null;
}

/**
 * Manages a node's two connections as one link. It is up when both are connected and every part is open on them; when one
 * is lost, the other is given up. So a node that is the home of a room can also publish for it, and all parts are lost
 * together. A connection that the broker blocks is not lost.
 *
 * The consuming connection is recovered by amqplib's `recovery`, and the publishing one is opened with it. `recovery` takes
 * one address, but reads its fields at each attempt. So it is given an object whose fields are changed between attempts.
 */
export function createLink(options: Options): Link {
  const { addresses, parts, nodeId, clock, log } = options;
  let addressIndex = 0;
  let address: Address = addresses[0];
  /** What amqplib connects to: its fields are those of `address`. */
  const target = { ...address.target };
  let recovering: RecoveringChannelModel | null = null;
  let current: Pair | null = null;
  /** Every part is open on the current connections. */
  let isUp = false;
  let blocked = false;
  /** See `Link.reason`. */
  let reason: string | null = 'not started';
  let closed = false;
  /** When the link was lost, or `start` was called. */
  let downSince = clock.elapsed();
  let connectedAt = 0;
  let wasConnected = false;
  const backoff = new Backoff();
  /** Resolves when the previous connections are closed: what they still send must not arrive behind what is sent later. */
  let closing: Promise<unknown> = Promise.resolve();
  /** Faults that were logged since the last connection, so that one that persists is logged once. */
  const logged = new Set<string>();
  /** Makes `start` reject: a retry would be useless. */
  let notOurs = (_: NotOurs): void => undefined;

  function nextAddress(): void {
    address = addresses[++addressIndex % addresses.length] ?? addresses[0];
    Object.assign(target, address.target);
  }

  /**
   * amqplib calls this with each new consuming connection, and emits 'connect' when it has resolved. Rejects if the parts
   * cannot be opened, the connection ends, or SETUP_MS are over; then amqplib closes the connection and tries again.
   */
  async function setup(consuming: ChannelModel): Promise<void> {
    const mine: Pair = { consuming, publishing: null };
    let isOver = false;
    let cancel = (): void => undefined;
    const failed = new Promise<never>((_, reject) => {
      watch(consuming, reject);
      cancel = clock.after(SETUP_MS, () => {
        const cause = new Error('it accepts connections but does not answer the declarations');
        // A broker that does not answer declarations does not answer `close` either, and amqplib waits for that: so the
        // sockets are destroyed. (Seen on 3.10.8: consuming from a quorum queue declared just before a kill -9 hangs.)
        for (const model of [consuming, mine.publishing]) if (model) socketOf(model).destroy(cause);
        reject(cause);
      });
    });
    const opened = openParts(mine, () => isOver);
    try {
      await Promise.race([opened, failed]);
    } finally {
      isOver = true;
      cancel();
      // If `failed` was first, this one rejects as a consequence.
      opened.catch(() => undefined);
    }
  }

  async function openParts(mine: Pair, isOver: () => boolean): Promise<void> {
    const { consuming } = mine;
    /** To be called after each `await`, in which the connections may have been given up. */
    const assertNotOver = (): void => {
      if (isOver() || current !== mine) throw new Error('it was given up while it was being set up');
    };
    // Until then, channels of the previous connections may still report their end, which would be taken for these.
    await closing;
    if (!isOver()) current = mine;
    assertNotOver();
    const publishing = await connectToPublish(target, nodeId);
    mine.publishing = publishing;
    watch(publishing, (cause) => current === mine && reset(connectFault(cause, address)));
    if (current !== mine) closing = leave(publishing, 'given up', clock, log);
    assertNotOver();
    listenForBlocks(mine, publishing);
    for (const part of parts) {
      await part.open({ publishing, consuming });
      assertNotOver();
    }
  }

  /** Calls `ended` when the connection ends, with the cause. */
  function watch(model: ChannelModel, ended: (cause: Error) => void): void {
    gatherWrites(socketOf(model));
    cutLongHeaders(model);
    // `close` reports it, too; without a listener this event would end the process.
    model.on('error', () => undefined);
    model.on('close', (cause?: Error) => ended(cause ?? new Error('connection closed')));
  }

  function connected(): void {
    isUp = true;
    if (!blocked) reason = null;
    connectedAt = clock.elapsed();
    logged.clear();
    const ms = Math.round(connectedAt - downSince);
    const what = wasConnected ? 'recovered, connected to' : 'connected to';
    wasConnected = true;
    log.info({ broker: address.name, ms }, `rabbitmq: ${what} ${address.name} after ${ms} ms`);
    options.ready();
  }

  /** The connections are not used any more. All parts must know, since amqplib throws if one still sends or acknowledges. */
  function forget(): void {
    current = null;
    isUp = false;
    blocked = false;
    for (const part of parts) part.lost();
  }

  /** The link is lost, or an attempt has failed: amqplib will make the next one, with the next address. */
  function lost(text: string, what: string, level: 'warn' | 'error' = 'warn'): void {
    const publishing = current?.publishing;
    reason = `${text}, retrying`;
    forget();
    if (publishing) closing = leave(publishing, text, clock, log);
    if (!logged.has(text)) log[level]({ broker: address.name }, `rabbitmq: ${what}: ${text}`);
    logged.add(text);
    nextAddress();
  }

  function disconnected(cause: Error): void {
    downSince = clock.elapsed();
    backoff.lasted(downSince - connectedAt);
    lost(connectFault(cause, address), 'connection lost');
  }

  function attemptFailed(cause: Error): void {
    if (cause instanceof NotOurs) {
      lost(cause.message, 'not connected', 'error');
      notOurs(cause);
    } else lost(connectFault(cause, address), 'no connection');
  }

  function reset(why: string): void {
    const broken = current;
    // A channel also ends just before its connection does. In the next turn there is nothing to give up then.
    setImmediate(() => {
      if (closed || broken === null || broken !== current) return;
      reason = `${why}, reconnecting`;
      forget();
      log.warn({ broker: address.name }, `rabbitmq: the connection is given up: ${why}`);
      const models = [broken.consuming, broken.publishing].filter((model) => model !== null);
      closing = Promise.all(models.map((model) => leave(model, why, clock, log)));
    });
  }

  function listenForRecovery(to: RecoveringChannelModel): void {
    to.on('connect', connected);
    to.on('disconnect', disconnected);
    to.on('connect-failed', attemptFailed);
    // Each is followed by `disconnect`, which reports the same.
    to.on('error', () => undefined);
    to.on('handler-error', (cause: Error) =>
      log.error({ cause: errorText(cause) }, 'rabbitmq: a handler threw'),
    );
  }

  /** In an alarm RabbitMQ blocks a connection at its first message, which a node publishes while it is being set up. */
  function listenForBlocks(mine: Pair, publishing: ChannelModel): void {
    publishing.on('blocked', (why) => {
      if (current !== mine) return;
      blocked = true;
      reason = `${address.name} accepts nothing: ${why || 'it has blocked its publishers'}`;
      log.warn({ broker: address.name, why }, 'rabbitmq: the broker has blocked its publishers');
      options.blocked();
    });
    publishing.on('unblocked', () => {
      if (current !== mine) return;
      blocked = false;
      log.info({ broker: address.name }, 'rabbitmq: the broker accepts messages again');
      options.unblocked();
      if (!isUp) return;
      reason = null;
      options.ready();
    });
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    reason = 'closed';
    // amqplib writes `connection.close` ahead of what other channels have buffered, so these are closed first.
    if (isUp) await atMost(clock, CLOSE_MS, Promise.all(parts.map((part) => part.close())));
    const publishing = current?.publishing;
    forget();
    if (publishing) closing = leave(publishing, 'closed', clock, log);
    await atMost(clock, CLOSE_MS, Promise.all([recovering?.close(), closing]));
  }

  return {
    async start() {
      reason = `connecting to ${address.name}`;
      downSince = clock.elapsed();
      const recovery: RecoveryOptions = {
        setup,
        waitForConnect: false,
        calculateDelay: (attempt) => backoff.delay(attempt),
      };
      const opened = await connect(target, { ...socketOptions('consume', nodeId), recovery });
      recovering = opened;
      listenForRecovery(opened);
      let cancel = (): void => undefined;
      const failed = new Promise<never>((_, reject) => {
        cancel = clock.after(options.startMs, () => reject(new Error(reason ?? 'no answer')));
        notOurs = reject;
      });
      try {
        await Promise.race([opened.waitForConnect(), failed]);
      } catch (cause) {
        const why = errorText(cause).replace(/, retrying$/, '');
        await close();
        if (cause instanceof NotOurs) throw cause;
        throw new Error(`no RabbitMQ within ${options.startMs / 1000} s: ${why}`, { cause });
      } finally {
        cancel();
      }
    },
    get reason() {
      return reason;
    },
    get isBlocked() {
      return blocked;
    },
    reset,
    close,
  };
}
