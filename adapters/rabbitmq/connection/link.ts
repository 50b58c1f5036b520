import type { Socket } from 'node:net';
import {
  connect,
  type ChannelModel,
  type RecoveringChannelModel,
  type RecoveryOptions,
  type SocketOptions,
} from 'amqplib';
import { atMost } from '../../../engine/at-most.js';
import { errorText } from '../../../engine/errors.js';
import type { Clock, Log } from '../../../engine/ports.js';
import { connectFault, type Address } from './addresses.js';
import { gatherWrites } from './gather-writes.js';
import { NotOurs } from './not-ours.js';

/** Something that lives on a connection: opened on each new one, told when it is gone. */
export interface Part {
  open(model: ChannelModel): Promise<void>;
  /** The connection is gone, or was never whole. May be called twice. */
  lost(): void;
  /** Sends what was given to it, and ends its channels. Must not reject. */
  close(): Promise<void>;
}

export interface Link {
  /**
   * Resolves with the first connection on which every part is open. Rejects if there is none in time, and at once if a
   * part says `NotOurs`.
   */
  start(): Promise<void>;
  /** Why nothing can be sent now, for a human; null when it can. */
  readonly reason: string | null;
  /** Whether the broker has said that it reads nothing now, because it is short of memory or disk. */
  readonly isBlocked: boolean;
  /** Gives this connection up, so that recovery builds everything anew. */
  reset(reason: string): void;
  close(): Promise<void>;
}

interface Options {
  readonly addresses: readonly [Address, ...Address[]];
  readonly parts: readonly Part[];
  readonly clock: Clock;
  readonly log: Log;
  /** How long `start` may try, ms. */
  readonly startMs: number;
  /** What is sent may be sent again: called when the connection is whole, and when the broker unblocks it. */
  readonly ready: () => void;
}

const CONNECT_MS = 10_000;
const SETUP_MS = 10_000;
/** A peer that does not answer cannot keep us from ending. */
const CLOSE_MS = 2_000;
/** How long a connection that is given up may take to say goodbye, ms; over a silent one no answer comes. */
const RESET_MS = 500;
/**
 * Pause between attempts, ms. `connecting`: all nodes should be back at about the same time, see PATIENCE_BEATS, and the sooner
 * after a cut, the fewer seats are in doubt; `most` for a broker that
 * ends connections as soon as they stand.
 */
const BACKOFF = { first: 100, connecting: 500, most: 5_000 };

/** amqplib has it, and does not type it. */
function socketOf(model: ChannelModel): Socket {
  return (model.connection as ChannelModel['connection'] & { readonly stream: Socket }).stream;
}

/**
 * One AMQP connection that recovers by itself, by amqplib's `recovery`. That knows one address, but reads its
 * fields anew at each attempt: so it is given an object, and the object's fields change from attempt to attempt.
 */
export function createLink(options: Options): Link {
  const { addresses, parts, clock, log } = options;
  let turn = 0;
  let address: Address = addresses[0];
  const target = { ...address.target };
  let recovering: RecoveringChannelModel | null = null;
  /** The connection that stands or is being set up; `whole` when every part is open on it. */
  let model: ChannelModel | null = null;
  let whole = false;
  let blocked = false;
  let reason: string | null = 'not started';
  let closed = false;
  let since = clock.elapsed();
  let connectedAt = 0;
  let connectedBefore = false;
  let shortLives = 0;
  /** Faults told since the last connection, so that one that lasts is told once. */
  const told = new Set<string>();
  /** Ends a start that is of no use. */
  let notOurs = (_: NotOurs): void => undefined;

  function nextAddress(): void {
    address = addresses[++turn % addresses.length] ?? addresses[0];
    Object.assign(target, address.target);
  }

  /** A connection that breaks as soon as it stands must not be tried ten times a second for ever. */
  function delay(attempt: number): number {
    const most = shortLives > 0 ? BACKOFF.most : BACKOFF.connecting;
    const base = Math.min(most, BACKOFF.first * 2 ** (attempt - 1 + shortLives));
    return base * (0.8 + 0.4 * Math.random());
  }

  async function setup(fresh: ChannelModel): Promise<void> {
    model = fresh;
    // Told by `close` as well; without a listener the event would end the process.
    fresh.on('error', () => undefined);
    listenForBlocks(fresh);
    gatherWrites(socketOf(fresh));
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(SETUP_MS, () => {
        const cause = new Error('it accepts connections but does not answer the declarations');
        // A broker that does not answer these does not answer `close` either, and amqplib waits for that: so the
        // socket goes. (Seen on 3.10.8: consuming from a quorum queue declared just before a kill -9 hangs for ever.)
        socketOf(fresh).destroy(cause);
        reject(cause);
      });
    });
    const opened = (async () => {
      for (const part of parts) await part.open(fresh);
    })();
    try {
      await Promise.race([opened, late]);
    } finally {
      cancel();
    }
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

  function down(text: string, what: string, level: 'warn' | 'error' = 'warn'): void {
    model = null;
    whole = false;
    blocked = false;
    reason = `${text}, retrying`;
    for (const part of parts) part.lost();
    if (!told.has(text)) log[level]({ broker: address.name }, `rabbitmq: ${what}: ${text}`);
    told.add(text);
    nextAddress();
  }

  function disconnected(cause: Error): void {
    since = clock.elapsed();
    shortLives = since - connectedAt < BACKOFF.most ? Math.min(shortLives + 1, 6) : 0;
    down(connectFault(cause, address), 'connection lost');
  }

  function notConnected(cause: Error): void {
    if (cause instanceof NotOurs) {
      down(cause.message, 'not connected', 'error');
      notOurs(cause);
    } else down(connectFault(cause, address), 'no connection');
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

  /** Not by way of `recovery`, which tells it only of connections that are set up: a node says hello before. */
  function listenForBlocks(fresh: ChannelModel): void {
    fresh.on('blocked', (why) => {
      if (model !== fresh) return;
      blocked = true;
      reason = `${address.name} accepts nothing: ${why || 'it has blocked its publishers'}`;
      log.warn({ broker: address.name, why }, 'rabbitmq: the broker has blocked its publishers');
    });
    fresh.on('unblocked', () => {
      if (model !== fresh) return;
      blocked = false;
      log.info({ broker: address.name }, 'rabbitmq: the broker accepts messages again');
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
    for (const part of parts) part.lost();
    await atMost(clock, CLOSE_MS, recovering?.close() ?? Promise.resolve());
  }

  return {
    async start() {
      reason = `connecting to ${address.name}`;
      since = clock.elapsed();
      const recovery: RecoveryOptions = { setup, waitForConnect: false, calculateDelay: delay };
      const sockets: SocketOptions = {
        noDelay: true,
        keepAlive: true,
        timeout: CONNECT_MS,
        clientProperties: { connection_name: 'parlor' },
      };
      const opened = await connect(target, { ...sockets, recovery });
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
    reset(why) {
      const broken = model;
      // A channel ends with its connection too, and just before it: then there is nothing to give up.
      setImmediate(() => {
        if (closed || broken === null || broken !== model) return;
        model = null;
        whole = false;
        blocked = false;
        reason = `${why}, reconnecting`;
        // From here on amqplib throws at whatever is sent or acknowledged.
        for (const part of parts) part.lost();
        log.warn({ broker: address.name }, `rabbitmq: the connection is given up: ${why}`);
        // Said goodbye to, the broker hands the partitions on at once, if it hears it.
        const cancel = clock.after(RESET_MS, () => socketOf(broken).destroy(new Error(why)));
        broken
          .close()
          .catch((cause: unknown) => log.info({ cause: errorText(cause) }, 'rabbitmq: it was closed already'))
          .finally(cancel);
      });
    },
    close,
  };
}
