import { connect, type ChannelModel, type RecoveringChannelModel, type RecoveryOptions } from 'amqplib';
import { atMost } from '../../../engine/at-most.js';
import { errorText } from '../../../engine/errors.js';
import type { Clock, Log } from '../../../engine/ports.js';
import { connectFault, type Address } from './addresses.js';
import { Backoff } from './backoff.js';
import { connectToPublish, leave, socketOf, socketOptions, type Connections } from './connections.js';
import { gatherWrites } from './gather-writes.js';
import { NotOurs } from './not-ours.js';

/** Something that lives on a node's connections: opened on each new pair of them, told when one of them is gone. */
export interface Part {
  open(connections: Connections): Promise<void>;
  /** A connection is gone, or the pair was never whole. May be called twice. */
  lost(): void;
  /** Sends what was given to it, and ends its channels. Must not reject. */
  close(): Promise<void>;
}

export interface Link {
  /**
   * Resolves with the first connections on which every part is open. Rejects if there are none in time, and at once if a
   * part says `NotOurs`.
   */
  start(): Promise<void>;
  /** Why nothing can be sent now, for a human; null when it can. */
  readonly reason: string | null;
  /** Whether the broker has said that it reads nothing that is published, because it is short of memory or disk. */
  readonly isBlocked: boolean;
  /** Gives the connections up, so that recovery builds everything anew. */
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
  /** What is sent may be sent again: called when the link is whole, and when the broker unblocks it. */
  readonly ready: () => void;
  readonly blocked: () => void;
  /** Called before `ready`; also while the link is not whole yet. */
  readonly unblocked: () => void;
}

const SETUP_MS = 10_000;
/** A peer that does not answer cannot keep us from ending. */
const CLOSE_MS = 2_000;

/** The connections that stand, or are being set up. */
interface Standing {
  readonly consuming: ChannelModel;
  publishing: ChannelModel | null;
}

/**
 * A node's two connections, as one: it is whole when both stand and every part is open on them, and when one is lost the
 * other is given up. So whoever is the home of a room can also publish for it, and everything that is lost is lost
 * together. A connection that the broker blocks is not lost.
 *
 * The consuming one recovers by itself, by amqplib's `recovery`, and the publishing one is made with it. `recovery` knows
 * one address, but reads its fields anew at each attempt: so it is given an object, and the object's fields change from
 * attempt to attempt.
 */
export function createLink(options: Options): Link {
  const { addresses, parts, nodeId, clock, log } = options;
  let turn = 0;
  let address: Address = addresses[0];
  const target = { ...address.target };
  let recovering: RecoveringChannelModel | null = null;
  let standing: Standing | null = null;
  /** Every part is open on what stands. */
  let whole = false;
  let blocked = false;
  let reason: string | null = 'not started';
  let closed = false;
  let since = clock.elapsed();
  let connectedAt = 0;
  let connectedBefore = false;
  const backoff = new Backoff();
  /** Resolves when the last connections are gone: what they still send must not arrive behind what is sent anew. */
  let left: Promise<unknown> = Promise.resolve();
  /** Faults told since the last connection, so that one that lasts is told once. */
  const told = new Set<string>();
  /** Ends a start that is of no use. */
  let notOurs = (_: NotOurs): void => undefined;

  function nextAddress(): void {
    address = addresses[++turn % addresses.length] ?? addresses[0];
    Object.assign(target, address.target);
  }

  async function setup(consuming: ChannelModel): Promise<void> {
    const mine: Standing = { consuming, publishing: null };
    let over = false;
    let cancel = (): void => undefined;
    const failed = new Promise<never>((_, reject) => {
      watch(consuming, reject);
      cancel = clock.after(SETUP_MS, () => {
        const cause = new Error('it accepts connections but does not answer the declarations');
        // A broker that does not answer these does not answer `close` either, and amqplib waits for that: so the
        // sockets go. (Seen on 3.10.8: consuming from a quorum queue declared just before a kill -9 hangs for ever.)
        for (const model of [consuming, mine.publishing]) if (model) socketOf(model).destroy(cause);
        reject(cause);
      });
    });
    const opened = openParts(mine, () => over);
    try {
      await Promise.race([opened, failed]);
    } finally {
      over = true;
      cancel();
      // If the other one was first, this one's end is a consequence.
      opened.catch(() => undefined);
    }
  }

  async function openParts(mine: Standing, isOver: () => boolean): Promise<void> {
    const { consuming } = mine;
    const goOn = (): void => {
      if (isOver() || standing !== mine) throw new Error('it was given up while it was being set up');
    };
    // Before that, the channels of the old connections may still report their end, and would be taken for these.
    await left;
    if (!isOver()) standing = mine;
    goOn();
    const publishing = await connectToPublish(target, nodeId);
    mine.publishing = publishing;
    watch(publishing, (cause) => standing === mine && reset(connectFault(cause, address)));
    if (standing !== mine) left = leave(publishing, 'given up', clock, log);
    goOn();
    listenForBlocks(mine, publishing);
    for (const part of parts) {
      await part.open({ publishing, consuming });
      goOn();
    }
  }

  /** `ended` is called when the connection has, with what ended it. */
  function watch(model: ChannelModel, ended: (cause: Error) => void): void {
    gatherWrites(socketOf(model));
    // Told by `close` as well; without a listener the event would end the process.
    model.on('error', () => undefined);
    model.on('close', (cause?: Error) => ended(cause ?? new Error('connection closed')));
  }

  function connected(): void {
    whole = true;
    if (!blocked) reason = null;
    connectedAt = clock.elapsed();
    told.clear();
    const ms = Math.round(connectedAt - since);
    const what = connectedBefore ? 'recovered, connected to' : 'connected to';
    connectedBefore = true;
    log.info({ broker: address.name, ms }, `rabbitmq: ${what} ${address.name} after ${ms} ms`);
    options.ready();
  }

  /** From here on amqplib throws at whatever is sent or acknowledged. */
  function forget(): void {
    standing = null;
    whole = false;
    blocked = false;
    for (const part of parts) part.lost();
  }

  function down(text: string, what: string, level: 'warn' | 'error' = 'warn'): void {
    const publishing = standing?.publishing;
    reason = `${text}, retrying`;
    forget();
    if (publishing) left = leave(publishing, text, clock, log);
    if (!told.has(text)) log[level]({ broker: address.name }, `rabbitmq: ${what}: ${text}`);
    told.add(text);
    nextAddress();
  }

  function disconnected(cause: Error): void {
    since = clock.elapsed();
    backoff.lasted(since - connectedAt);
    down(connectFault(cause, address), 'connection lost');
  }

  function notConnected(cause: Error): void {
    if (cause instanceof NotOurs) {
      down(cause.message, 'not connected', 'error');
      notOurs(cause);
    } else down(connectFault(cause, address), 'no connection');
  }

  function reset(why: string): void {
    const broken = standing;
    // A channel ends with its connection too, and just before it: then there is nothing to give up.
    setImmediate(() => {
      if (closed || broken === null || broken !== standing) return;
      reason = `${why}, reconnecting`;
      forget();
      log.warn({ broker: address.name }, `rabbitmq: the connection is given up: ${why}`);
      const models = [broken.consuming, broken.publishing].filter((model) => model !== null);
      left = Promise.all(models.map((model) => leave(model, why, clock, log)));
    });
  }

  function listen(to: RecoveringChannelModel): void {
    to.on('connect', connected);
    to.on('disconnect', disconnected);
    to.on('connect-failed', notConnected);
    // Each is followed by `disconnect`, which says the same.
    to.on('error', () => undefined);
    to.on('handler-error', (cause: Error) =>
      log.error({ cause: errorText(cause) }, 'rabbitmq: a handler threw'),
    );
  }

  /** RabbitMQ blocks a connection in an alarm when that publishes: a node says hello while it is being set up. */
  function listenForBlocks(mine: Standing, publishing: ChannelModel): void {
    publishing.on('blocked', (why) => {
      if (standing !== mine) return;
      blocked = true;
      reason = `${address.name} accepts nothing: ${why || 'it has blocked its publishers'}`;
      log.warn({ broker: address.name, why }, 'rabbitmq: the broker has blocked its publishers');
      options.blocked();
    });
    publishing.on('unblocked', () => {
      if (standing !== mine) return;
      blocked = false;
      log.info({ broker: address.name }, 'rabbitmq: the broker accepts messages again');
      options.unblocked();
      if (!whole) return;
      reason = null;
      options.ready();
    });
  }

  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    reason = 'closed';
    // amqplib writes channel 0 past the buffers of the others: `connection.close` alone would overtake what they hold.
    if (whole) await atMost(clock, CLOSE_MS, Promise.all(parts.map((part) => part.close())));
    const publishing = standing?.publishing;
    forget();
    if (publishing) left = leave(publishing, 'closed', clock, log);
    await atMost(clock, CLOSE_MS, Promise.all([recovering?.close(), left]));
  }

  return {
    async start() {
      reason = `connecting to ${address.name}`;
      since = clock.elapsed();
      const recovery: RecoveryOptions = {
        setup,
        waitForConnect: false,
        calculateDelay: (attempt) => backoff.delay(attempt),
      };
      const opened = await connect(target, { ...socketOptions('consume', nodeId), recovery });
      recovering = opened;
      listen(opened);
      let cancel = (): void => undefined;
      const late = new Promise<never>((_, reject) => {
        cancel = clock.after(options.startMs, () => reject(new Error(reason ?? 'no answer')));
        notOurs = reject;
      });
      try {
        await Promise.race([opened.waitForConnect(), late]);
      } catch (cause) {
        const said = errorText(cause).replace(/, retrying$/, '');
        await close();
        if (cause instanceof NotOurs) throw cause;
        throw new Error(`no RabbitMQ within ${options.startMs / 1000} s: ${said}`, { cause });
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
