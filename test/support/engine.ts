import { createInProcessBroker } from '../../adapters/in-process/broker.js';
import { createMemoryStore } from '../../adapters/memory/store.js';
import { ANYBODY } from '../../engine/access/grant.js';
import type { Connection } from '../../engine/connections.js';
import { createEngine, type Engine, type EngineOptions } from '../../engine/engine.js';
import { newId } from '../../engine/ids.js';
import type { Answer } from '../../engine/messages/answers.js';
import { checker, faultLine } from '../../engine/messages/check.js';
import type { Command } from '../../engine/messages/commands.js';
import {
  aboutRoom,
  MANY_SERVER_FRAMES,
  SERVER_FRAMES,
  type ServerFrame,
} from '../../engine/messages/frames.js';
import type { PolicyChange } from '../../engine/messages/policy.js';
import type { Broker, Clock, Log, Meter, Outlet, Socket, Store, Verifier } from '../../engine/ports.js';
import { BARE, DEFAULT_PRESETS } from '../../engine/room/presets.js';
import { ManualClock, turns } from './clock.js';
import { until } from './until.js';

/** What `t` has of tap that is used here. */
export interface Teardown {
  teardown(end: () => Promise<void>): void;
}

type FrameType = ServerFrame['type'];
type FrameOf<K extends FrameType> = Extract<ServerFrame, { type: K }>;

const checks = new Map(Object.entries(SERVER_FRAMES).map(([type, schema]) => [type, checker(schema)]));
const manyChecks = new Map(
  [
    ...Object.entries(SERVER_FRAMES).map(([type, schema]) => [type, aboutRoom(type, schema)] as const),
    ...Object.entries(MANY_SERVER_FRAMES),
  ].map(([type, schema]) => [type, checker(schema)]),
);

/** Topics and sockets in memory. A frame that does not fit its own schema is a fault, whatever test sees it. */
export class Hub implements Outlet {
  readonly faults: string[] = [];
  expectsMore = false;
  private readonly topics = new Map<string, Set<Client>>();

  constructor(readonly bufferBytes = 1_048_576) {}

  publish(topic: string, frame: string): void {
    for (const client of this.topics.get(topic) ?? []) client.send(frame);
  }

  /** Nothing waits here for what is expected. */
  expectMore(isExpected: boolean): void {
    this.expectsMore = isExpected;
  }

  subscribe(topic: string, client: Client): void {
    const clients = this.topics.get(topic) ?? new Set();
    this.topics.set(topic, clients.add(client));
  }

  unsubscribe(topic: string, client: Client): void {
    this.topics.get(topic)?.delete(client);
  }

  forget(client: Client): void {
    for (const clients of this.topics.values()) clients.delete(client);
  }

  /** `isMany`: on a connection to many rooms. */
  read(text: string, isMany: boolean): ServerFrame {
    const frame = JSON.parse(text) as ServerFrame;
    const check = (isMany ? manyChecks : checks).get(frame.type);
    const faults = check ? check(frame) : [{ path: '/type', message: 'is no type of frame' }];
    if (faults) this.faults.push(`${text}: ${faultLine(faults)}`);
    return frame;
  }
}

/** A WebSocket and the client behind it, without a network: keeps what it is sent, closes as uWebSockets.js does. */
export class Client implements Socket {
  readonly frames: ServerFrame[] = [];
  /** The code it was closed with by the server, or null. */
  closedWith: number | null = null;
  isOpen = true;
  connection: Connection | null = null;
  /** What waits because the client does not read; null while it reads. */
  private unread: string[] | null = null;
  private overflowed: 'no' | 'yes' | 'told' = 'no';
  private readonly awaited = new Map<object, { readonly bytes: number; readonly call: () => void }>();

  constructor(
    private readonly hub: Hub,
    readonly user: string,
    private readonly isMany = false,
  ) {}

  send(...frames: string[]): void {
    for (const frame of frames) {
      if (!this.isOpen || this.overflowed === 'yes') return;
      if (this.unread === null) this.told(this.hub.read(frame, this.isMany));
      else if (this.backlog() > this.hub.bufferBytes) this.overflowed = 'yes';
      else this.unread.push(frame);
    }
  }

  backlog(): number {
    return (this.unread ?? []).reduce((sum, frame) => sum + Buffer.byteLength(frame), 0);
  }

  whenRead(bytes: number, call: () => void, caller: object): void {
    this.awaited.delete(caller);
    if (!this.isOpen) return;
    if (this.backlog() <= bytes) call();
    else this.awaited.set(caller, { bytes, call });
  }

  /** From now on the client reads nothing: what it is sent waits, and is lost where the hub's buffer is full. */
  stopReading(): void {
    this.unread ??= [];
  }

  /** Reads so many of the frames that wait, and goes on not reading. */
  read(count: number): void {
    const frames = this.unread?.splice(0, count) ?? [];
    for (const frame of frames) this.told(this.hub.read(frame, this.isMany));
    this.wasRead();
  }

  /** Reads all that waits, and whatever comes. */
  readOn(): void {
    const frames = this.unread ?? [];
    this.unread = null;
    for (const frame of frames) this.told(this.hub.read(frame, this.isMany));
    this.wasRead();
  }

  /** It has read a frame. */
  protected told(frame: ServerFrame): void {
    this.frames.push(frame);
  }

  private wasRead(): void {
    if (this.overflowed === 'yes') {
      this.hub.forget(this);
      if (this.backlog() > this.hub.bufferBytes / 2) return;
      this.overflowed = 'told';
      this.connection?.end('slow_consumer', 'you read too slowly; come back with since');
      return;
    }
    for (const [caller, { bytes, call }] of [...this.awaited])
      if (this.backlog() <= bytes && this.awaited.delete(caller)) call();
  }

  sendSoon(frame: string): void {
    this.send(frame);
  }

  sendAlong(frame: string): void {
    this.send(frame);
  }

  subscribe(topic: string, insteadOf: string | null): void {
    if (!this.isOpen || this.overflowed !== 'no') return;
    if (insteadOf !== null) this.hub.unsubscribe(insteadOf, this);
    this.hub.subscribe(topic, this);
  }

  unsubscribe(topic: string): void {
    this.hub.unsubscribe(topic, this);
  }

  end(code: number): void {
    if (!this.isOpen) return;
    this.closedWith = code;
    this.close();
  }

  /** The client goes away. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.awaited.clear();
    this.hub.forget(this);
    this.connection?.closed();
  }

  say(frame: unknown): void {
    this.connection?.frame(JSON.stringify(frame));
  }

  post(text: string, id?: string): void {
    this.say({ type: 'post', text, ...(id === undefined ? {} : { id }) });
  }

  all<K extends FrameType>(type: K): FrameOf<K>[] {
    return this.frames.filter((frame): frame is FrameOf<K> => frame.type === type);
  }

  async first<K extends FrameType>(type: K): Promise<FrameOf<K>> {
    await until(() => this.all(type).length > 0, { what: `${type} for ${this.user}`, intervalMs: 1 });
    const [frame] = this.all(type);
    if (!frame) throw new Error(`${this.user} has no ${type}`);
    return frame;
  }

  get texts(): string[] {
    return this.all('message').map(({ text }) => text);
  }

  /** The seqs of everything it was sent after its welcome. */
  get seqs(): number[] {
    return this.frames.flatMap((frame) => ('seq' in frame && frame.type !== 'ack' ? [frame.seq] : []));
  }

  get errors(): string[] {
    return this.all('error').map(({ code }) => code);
  }

  /** Who it believes is in the room: the last list it was told, and joined, left and kicked applied to it. */
  get roster(): string[] {
    const users = new Set<string>();
    let head = 0;
    for (const frame of this.frames) {
      if (frame.type === 'welcome') head = frame.head_seq;
      if (frame.type === 'welcome' || frame.type === 'members') {
        users.clear();
        frame.members.forEach((user) => users.add(user));
      } else if (frame.type === 'joined') users.add(frame.user);
      else if (frame.type === 'left') users.delete(frame.user);
      // What happened before the welcome is history, and the list in the welcome knows of it.
      else if (frame.type === 'member_kicked' && frame.seq > head) users.delete(frame.user);
    }
    return [...users].sort();
  }
}

export interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly text: string;
}

export interface Node {
  readonly engine: Engine;
  readonly store: Store;
  readonly clock: ManualClock;
  readonly hub: Hub;
  readonly log: Line[];
  /** Counts by what is counted, for example `crashed room`. */
  readonly counts: Map<string, number>;
  /** A connection whose welcome is not awaited. */
  connect(room: string, user: string, since?: number): Client;
  /** A connection that has its welcome. */
  join(room: string, user: string, since?: number): Promise<Client>;
  request(command: Command): Promise<Answer>;
  post(room: string, text: string, id?: string): Promise<Answer>;
  /** Resolves when nothing is under way and no mailbox holds anything. */
  quiet(): Promise<void>;
}

export interface NodeOptions extends Partial<Omit<EngineOptions, 'presets'>> {
  readonly policy?: PolicyChange;
  readonly store?: (inner: Store) => Store;
  readonly broker?: (inner: Broker) => Broker;
  readonly clock?: Clock;
  /** Left out: nobody has to say who they are. */
  readonly verifier?: Verifier;
  /** Of what a client does not read, so much waits for it. */
  readonly bufferBytes?: number;
}

/** Timers of an engine in which nothing is under way: the one that retention waits for. */
export const TIMERS_AT_REST = 1;

const LARGE = { eventsPerRoom: 100_000, eventsInAll: 1_000_000, rooms: 100_000 };

/** An engine in this process, on fake sockets and a clock that stands still until it is told. Stopped with the test. */
export async function startNode(t: Teardown, options: NodeOptions = {}): Promise<Node> {
  const { policy, store: wrapStore, broker: wrapBroker, bufferBytes, verifier = null, ...rest } = options;
  const clock = new ManualClock();
  const hub = new Hub(bufferBytes);
  const log: Line[] = [];
  const counts = new Map<string, number>();
  const memory = createMemoryStore(LARGE);
  const store = wrapStore ? wrapStore(memory) : memory;
  const inner = createInProcessBroker({ clock });
  const broker = wrapBroker ? wrapBroker(inner) : inner;
  const engine = createEngine(
    {
      nodeId: newId(),
      presets: DEFAULT_PRESETS,
      base: { ...BARE, capacity: null, ...policy },
      recoveryLimit: 1_000,
      presenceLimit: 256,
      maxRooms: 100_000,
      retentionMs: 60_000,
      commitBatch: 4_096,
      commitLingerMs: 0,
      ...rest,
    },
    { broker, store, outlet: hub, clock, log: recording(log), meter: counting(counts), verifier },
  );
  await engine.start();
  const node: Node = {
    engine,
    store,
    clock,
    hub,
    log,
    counts,
    connect(room, user, since) {
      const client = new Client(hub, user);
      const hello = {
        room_id: room,
        user,
        since: since ?? null,
        request_id: 'r',
        resume: null,
        grant: ANYBODY,
      };
      client.connection = engine.connect(client, hello);
      return client;
    },
    async join(room, user, since) {
      const client = node.connect(room, user, since);
      await client.first('welcome');
      return client;
    },
    request: (command) => engine.request(command, ANYBODY),
    post: (room, text, id) => engine.request(postCommand(room, text, id), ANYBODY),
    quiet: () =>
      until(() => isQuiet(engine), { what: 'a quiet engine', intervalMs: 1 }).then(() => undefined),
  };
  t.teardown(async () => {
    const stopping = engine.stop(1_000);
    await turns(20);
    clock.jump(60_000);
    await stopping;
    if (hub.faults.length > 0)
      throw new Error(`frames that do not fit their schema: ${hub.faults.join('\n')}`);
  });
  return node;
}

function postCommand(room: string, text: string, id?: string): Command {
  const fresh = id === undefined ? { fresh: true } : {};
  return { type: 'post', room_id: room, id: id ?? newId(), user: null, text, ...fresh };
}

/** Twice, with turns of the loop between: what is on its way through promises has arrived by then. */
async function isQuiet(engine: Engine): Promise<boolean> {
  for (let i = 0; i < 3; i++) {
    await turns(3);
    const { waiting, broker } = engine.stats();
    const sum = waiting.rooms + waiting.audiences + waiting.bridge + waiting.journal + broker.pending;
    if (sum > 0) return false;
  }
  return true;
}

export function recording(lines: Line[]): Log {
  const at = (level: Line['level']) => (fields: object, text: string) =>
    void lines.push({ level, fields, text });
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

export function counting(counts: Map<string, number>): Meter {
  const add = (name: string, by = 1): void => void counts.set(name, (counts.get(name) ?? 0) + by);
  return {
    refused: (code) => add(`refused ${code}`),
    limited: (limit) => add(`limited ${limit}`),
    posted: (count) => add('posted', count),
    delivered: (count) => add('delivered', count),
    dropped: (reason, count) => add(`dropped ${reason}`, count),
    crashed: (actor) => add(`crashed ${actor}`),
    committed: (events) => add('committed', events),
  };
}
