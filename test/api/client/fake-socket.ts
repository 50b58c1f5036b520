import { mock } from 'node:test';
import { connect, type ConnectOptions, type Connection } from '../../../api/client/index.js';

/** A frame as it was sent. */
export type Sent = Readonly<Record<string, unknown>>;

/** A WebSocket whose other end is the test. */
export class FakeSocket {
  readyState = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly sent: Sent[] = [];
  isClosed = false;

  constructor(
    readonly url: string,
    readonly protocols: readonly string[],
  ) {}

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Sent);
  }

  close(): void {
    this.isClosed = true;
  }

  /** Opens it, and says hello. */
  accept(hello: Sent = { user: 'alice' }): void {
    this.readyState = 1;
    this.say({ type: 'hello', ...hello });
  }

  say(frame: Sent): void {
    (this.onmessage as ((event: { data: string }) => void) | null)?.({ data: JSON.stringify(frame) });
  }

  /** Lets a room in. */
  welcome(room: string, more: Sent = {}): void {
    this.say({
      room,
      type: 'welcome',
      room_id: room,
      user: 'alice',
      members: ['alice'],
      member_count: 1,
      head_seq: 0,
      policy: { capacity: 2 },
      ...more,
    });
  }

  drop(code = 1006, reason = ''): void {
    this.readyState = 3;
    (this.onclose as ((event: { code: number; reason: string }) => void) | null)?.({ code, reason });
  }

  of(type: string): Sent[] {
    return this.sent.filter((frame) => frame['type'] === type);
  }
}

export interface Stage {
  readonly connection: Connection;
  /** All sockets that were made. */
  readonly sockets: readonly FakeSocket[];
  /** The newest socket. */
  readonly socket: () => FakeSocket;
  /** Every status that was told. */
  readonly told: string[];
  /** Lets time pass, ms, and what follows from it happen. */
  readonly pass: (ms: number) => Promise<void>;
}

/** Lets promises settle, while timers stand still. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Options for a connection in a world without network, and the sockets that it makes. */
export function fakeWorld(options: ConnectOptions = {}): { options: ConnectOptions; sockets: FakeSocket[] } {
  const sockets: FakeSocket[] = [];
  class Socket extends FakeSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  return {
    sockets,
    options: {
      user: 'alice',
      transports: ['websocket'],
      WebSocket: Socket,
      fetch: () => Promise.reject(new Error('there is no network')),
      ...options,
    },
  };
}

/** A connection there, with a clock that stands still. Call `mock.timers.reset()` at the end. */
export function stage(given: ConnectOptions = {}): Stage {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_800_000_000_000 });
  const { options, sockets } = fakeWorld(given);
  const connection = connect('http://parlor.example/chat/', { ...options, lazy: true });
  const told: string[] = [];
  connection.on('status', ({ status }) => {
    if (told.at(-1) !== status) told.push(status);
  });
  connection.open();
  return {
    connection,
    sockets,
    socket: () => sockets.at(-1) as FakeSocket,
    told,
    async pass(ms) {
      // In steps, since a timer that is set meanwhile counts from then.
      for (let left = ms; left > 0; left -= 250) {
        mock.timers.tick(Math.min(250, left));
        await settle();
      }
    },
  };
}
