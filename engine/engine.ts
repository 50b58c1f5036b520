import { start, stop as stopSystem } from 'nact';
import { createAccess, type Access } from './access/access.js';
import type { Grant } from './access/grant.js';
import { Ends } from './access/ends.js';
import { Admission, OVERLOADED, type AdmissionLimits } from './admission.js';
import { createAsk } from './ask.js';
import { createAudiences, type Audiences } from './audiences.js';
import { createBridge, type Bridge } from './bridge.js';
import { createConnections, type Connection, type ManyConnection } from './connections.js';
import type { Hello, Visitor } from './hello.js';
import { newId } from './ids.js';
import {
  createClientLimits,
  NO_CLIENT_RATES,
  type ClientRates,
  type TooOften,
} from './limits/client-limits.js';
import { Limiter } from './limits/limiter.js';
import { LoopDelay } from './limits/loop-delay.js';
import { UNLIMITED, type Rate } from './limits/rate.js';
import { createJoinQueue } from './join-queue.js';
import { createJournal, type JournalOptions } from './journal.js';
import { LoopTurns } from './loop-turns.js';
import { drain } from './drain.js';
import { GOING_DOWN } from './errors.js';
import { notDelivered, type Answer } from './messages/answers.js';
import type { Command } from './messages/commands.js';
import type { DurableEvent } from './messages/events.js';
import type { Policy } from './messages/policy.js';
import type {
  Broker,
  BrokerState,
  Clock,
  Log,
  Meter,
  Outlet,
  Socket,
  Store,
  StoreState,
  Verifier,
} from './ports.js';
import { createPresets, type Presets } from './room/presets.js';
import { Reassertions } from './reassertions.js';
import { createRetention } from './retention.js';
import { createRooms } from './rooms.js';
import { createTimestamps } from './timestamps.js';
import { TYPING_MS, TypingLimit } from './typing-limit.js';
import { createWatchers, type Watch } from './watchers.js';

/** Rooms of one connection, where it is not said. */
const ROOMS_PER_CONNECTION = 500;

export interface EngineOptions extends JournalOptions {
  /** A UUID of this process. */
  readonly nodeId: string;
  readonly presets: Presets;
  /** The policy that the presets change fields of. */
  readonly base: Policy;
  /** With more missed events than this a client has to read them over HTTP. */
  readonly recoveryLimit: number;
  /** Rooms with more members than this name them neither in `welcome` nor in `joined` and `left`. */
  readonly presenceLimit: number;
  readonly maxRooms: number;
  /** Rooms that one connection may be subscribed to at once. Left out: 500. */
  readonly roomsPerConnection?: number | undefined;
  /** How many posts may be under way. Left out: as many as the node answers in 50 ms. */
  readonly admission?: AdmissionLimits | undefined;
  /** How often clients may do what costs others. Left out: as often as they like. */
  readonly clientRates?: ClientRates | undefined;
  /** How long a user opens no connection after one of theirs was closed for abuse, ms. Left out: they may at once. */
  readonly abusePauseMs?: number | undefined;
  /** Posts of all users in one room. Left out: no limit. */
  readonly postsOfRoom?: Rate | undefined;
  /** Rooms that a user may open with a join or a post. Left out: no limit. */
  readonly roomsOfUser?: Rate | undefined;
  /** While the event loop is later than this, posts are refused, ms. Left out, or 0: it is not looked at. */
  readonly loopDelayMs?: number | undefined;
  /** The pause between two rounds of retention over all rooms, ms. */
  readonly retentionMs: number;
  /** How long after a member's `typing` the next ones are dropped, ms. Left out: a second. */
  readonly typingMs?: number | undefined;
  /** For tests of supervision only: called before each decision, may throw. */
  readonly fault?: ((command: Command) => void) | undefined;
  /** The same, but called after each decision, when its answer is on its way out. */
  readonly faultAfter?: ((command: Command) => void) | undefined;
}

export interface EnginePorts {
  readonly broker: Broker;
  readonly store: Store;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  /** Left out: nobody has to say who they are. */
  readonly verifier?: Verifier | null;
}

export interface EngineStats {
  readonly connections: number;
  readonly rooms: number;
  readonly seats: number;
  readonly audiences: number;
  /** Those who wait for events without a connection. */
  readonly watches: number;
  readonly waiting: {
    readonly rooms: number;
    readonly audiences: number;
    readonly bridge: number;
    readonly journal: number;
    readonly joins: number;
  };
  /** Posts and other frames of clients, from their arrival to their answer. */
  readonly underWay: number;
  readonly broker: BrokerState;
  readonly store: StoreState;
}

/** All of Parlor that is neither a socket nor a database: the actors, behind one interface. */
export interface Engine {
  readonly nodeId: string;
  readonly access: Access;
  /** Ends the connections of a user on all nodes that can be reached. They may come back. */
  disconnect(user: string): void;
  /** Opens the store and the broker. Rejects if one of them cannot be opened. */
  start(): Promise<void>;
  /** Sends a command to its room, for whoever has this grant. Never rejects: a failure is an answer, too. */
  request(command: Command, grant: Grant): Promise<Answer>;
  /** Whether a post that comes now would be refused because too many are under way. */
  isOverloaded(): boolean;
  /**
   * `request` without a promise. `onAnswer` is called once, never before this returns, and must not throw.
   */
  ask(command: Command, grant: Grant, onAnswer: (answer: Answer) => void): void;
  /** A new WebSocket, already accepted and checked. Null when the node goes down. */
  connect(socket: Socket, hello: Hello): Connection | null;
  /** The same, for many rooms. */
  connectToMany(socket: Socket, visitor: Visitor): ManyConnection | null;
  /** Why a user may open no WebSocket now, as one of theirs was closed for abuse; null: they may. */
  pauseOf(user: string): TooOften | null;
  /** Notices the events of a room without a seat. Null when the node goes down. */
  watch(roomId: string): Watch | null;
  /** Why posts cannot be accepted now, or null. */
  unready(): string | null;
  stats(): EngineStats;
  /** From now on `unready` says that the node goes down. Everything else goes on. */
  announceStop(): void;
  /**
   * Hands the rooms over, ends the connections with 1012, finishes what is under way, and closes the broker (see
   * `drain.ts`). Takes at most about `ms`; a command that is not carried out by then is answered `unavailable`, or
   * `queued`. The store can still be read.
   */
  drain(ms: number): Promise<void>;
  /** Drains, if that has not been done, and closes the store. */
  stop(ms: number): Promise<void>;
}

export function createEngine(options: EngineOptions, ports: EnginePorts): Engine {
  const { broker, store, outlet, clock, log, meter } = ports;
  const { nodeId } = options;
  const root = start();
  const loop = new LoopTurns();
  const shared = { nodeId, broker, store, clock, log, meter, newId, loop };
  const { commitBatch, commitLingerMs, retentionMs, presenceLimit, recoveryLimit } = options;
  const presetOf = createPresets(options.presets, options.base);
  const journal = createJournal(root, { ...shared, outlet, commitBatch, commitLingerMs });
  const retention = createRetention({
    ...{ store, clock, log, meter, presetOf, pauseMs: retentionMs },
    wake: (room_id) => broker.request({ type: 'describe', room_id }, () => undefined),
  });
  const reassertions = new Reassertions({
    clock,
    log,
    meter,
    assert: (roomId, done) => audiences.assert(roomId, done),
  });
  const joins = createJoinQueue(broker, clock);
  const audiences: Audiences = createAudiences(root, {
    ...{ ...shared, joins },
    outlet,
    recoveryLimit,
    presenceLimit,
    assertLater: (roomId) => reassertions.mark(roomId),
    assertAnew: (roomId) => reassertions.markAnew(roomId),
    onSeatAnswer: (roomId, answer) => bridge.answer(roomId, answer),
  });
  const roomParts = {
    ...shared,
    postsOfRoom: options.postsOfRoom ?? UNLIMITED,
    roomsOfUser: new Limiter(options.roomsOfUser ?? UNLIMITED),
    journal,
    presenceLimit,
    lives: (node: string) => node === nodeId || broker.nodes().has(node),
    timestamp: createTimestamps(),
    inFlight: new Map<string, DurableEvent>(),
    presetOf,
    callHere: (roomId: string, callId: string, headSeq: number) =>
      audiences.callHere(roomId, callId, headSeq),
    fault: options.fault,
    faultAfter: options.faultAfter,
  };
  const newTypingLimit = (): TypingLimit => new TypingLimit(clock, options.typingMs ?? TYPING_MS);
  const rooms = createRooms(root, roomParts, {
    maxRooms: options.maxRooms,
    typingLimit: newTypingLimit(),
    loop,
    membersUnknown: (roomId) => reassertions.mark(roomId),
  });
  const access = createAccess({
    ...{ store, broker, clock, log, verifier: ports.verifier ?? null },
    endRevoked: (isRevoked) => connections.end(({ granted }) => isRevoked(granted), 'your token was revoked'),
  });
  const watchers = createWatchers(broker, clock);
  const bridge: Bridge = createBridge(root, {
    ...{ rooms, audiences, watchers, access, log, meter, loop },
    disconnect: (name) =>
      connections.end(({ user }) => user === name, 'you were disconnected; come back if you may'),
  });
  const loopDelay = new LoopDelay(clock, options.loopDelayMs ?? 0);
  const admission = new Admission(clock, options.admission, loopDelay);
  const clientLimits = createClientLimits(
    options.clientRates ?? NO_CLIENT_RATES,
    clock,
    options.abusePauseMs ?? 0,
  );
  const askRoom = createAsk(broker, store);
  const graceMs = options.base.grace_ms;
  const connections = createConnections(root, {
    ...shared,
    ...{ ask: askRoom, audiences, admission, outlet, typingLimit: newTypingLimit(), graceMs },
    roomsPerConnection: options.roomsPerConnection ?? ROOMS_PER_CONNECTION,
    ...{ access, clientLimits, ends: new Ends(clock) },
  });
  let announced = false;
  let refusing = false;
  let drained: Promise<void> | null = null;

  function ask(command: Command, grant: Grant, onAnswer: (answer: Answer) => void): void {
    if (refusing) {
      queueMicrotask(() => onAnswer(notDelivered('no', GOING_DOWN)));
      return;
    }
    if (command.type !== 'post') {
      askRoom(command, onAnswer);
      return;
    }
    const tooMany = access.isTrusted(grant) ? null : clientLimits.postOf(command.user);
    if (tooMany !== null) {
      meter.limited(tooMany.limit);
      queueMicrotask(() => onAnswer(notDelivered('no', tooMany)));
      return;
    }
    const size = command.text.length;
    if (!admission.enter(size)) {
      queueMicrotask(() => onAnswer(notDelivered('no', OVERLOADED)));
      return;
    }
    askRoom(command, (answer) => {
      admission.leave(size);
      onAnswer(answer);
    });
  }

  function unready(): string | null {
    if (announced) return 'the node is going down';
    const [brokerNow, storeNow] = [broker.state(), store.state()];
    if (!brokerNow.ready) return `broker: ${brokerNow.reason ?? 'not ready'}`;
    return storeNow.ready ? null : `store: ${storeNow.reason ?? 'not ready'}`;
  }

  async function drainAndClose(ms: number): Promise<void> {
    announced = true;
    retention.stop();
    watchers.stop();
    const refuseCommands = (): void => void (refusing = true);
    await drain({ broker, clock, connections, audiences, journal, refuseCommands }, ms);
    reassertions.stop();
    rooms.stop();
    await broker.close();
  }

  return {
    nodeId,
    access,
    disconnect: (user) => broker.say({ type: 'disconnect', user }, null),
    unready,
    announceStop() {
      announced = true;
    },
    async start() {
      await store.start();
      await broker.start(bridge);
      // After the broker, so that no news are missed in between.
      await access.reload();
      retention.start();
    },
    request: (command, grant) => new Promise((answered) => ask(command, grant, answered)),
    ask,
    isOverloaded: () => admission.isFull,
    connect: (socket, hello) => connections.open(socket, hello),
    connectToMany: (socket, visitor) => connections.openMany(socket, visitor),
    pauseOf: (user) => clientLimits.pauseOf(user),
    watch: (roomId) => watchers.watch(roomId),
    stats: () => ({
      connections: connections.count,
      rooms: rooms.awake,
      seats: rooms.seats,
      audiences: audiences.count,
      watches: watchers.count,
      waiting: {
        rooms: rooms.waiting,
        audiences: audiences.waiting,
        bridge: bridge.waiting,
        joins: joins.waiting,
        journal: journal.depth,
      },
      underWay: admission.depth,
      broker: broker.state(),
      store: store.state(),
    }),
    drain: (ms) => (drained ??= drainAndClose(ms)),
    async stop(ms) {
      await (drained ??= drainAndClose(ms));
      loopDelay.stop();
      await store.close();
      stopSystem(root);
    },
  };
}
