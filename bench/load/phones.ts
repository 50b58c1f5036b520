import type { Socket } from 'node:net';
import { frameState, OPCODES, readFrames, textFrame, type FrameSink } from './frames.js';
import { openSocket } from './socket.js';

/** How a user is in many rooms. */
export type Way = 'one socket' | 'a socket a room';

export interface PhoneOptions {
  readonly way: Way;
  readonly port: number;
  readonly user: string;
  readonly rooms: readonly string[];
  /** Which address of this machine it comes from. */
  readonly from: string;
}

/** The fields that are looked at of a `welcome`, of a `message`, and of what refuses. */
interface Heard {
  readonly room_id?: string;
  readonly seq?: number;
  readonly head_seq?: number;
  readonly room?: string;
  readonly retry_after_ms?: number;
}

/** Whoever comes in is told of each member who comes after. Only what has one of these types in its first bytes is parsed. */
const LOOKED_AT = /"type":"(hello|welcome|message|error|unsubscribed)"/;
const HEAD = 120;
const ALL = new Uint8Array(256).fill(1);

interface Coming {
  /** Rooms that it is not in yet, or of which it lacks messages. */
  readonly rooms: Set<string>;
  resolve(): void;
  reject(cause: Error): void;
}

/** A user with an app that is in many rooms. */
export class Phone {
  /** By room, the last seq that it has. */
  private readonly seqs = new Map<string, number>();
  /** By room, the last seq that there was when it came in. */
  private readonly heads = new Map<string, number>();
  private sockets: Socket[] = [];
  private coming: Coming | null = null;

  constructor(private readonly options: PhoneOptions) {}

  /** Resolves when it is in all rooms, and has what it missed if it was there before. Rejects when it is refused. */
  enter(): Promise<void> {
    const { way, user, rooms } = this.options;
    this.heads.clear();
    return new Promise((resolve, reject) => {
      this.coming = { rooms: new Set(rooms), resolve, reject };
      if (way === 'one socket') this.open(`/ws?user=${user}`);
      else
        for (const room of rooms) {
          const since = this.seqs.get(room);
          this.open(`/ws/updates/${room}?user=${user}${since === undefined ? '' : `&since=${since}`}`);
        }
    });
  }

  /** Its network is gone. */
  cut(): void {
    const { sockets } = this;
    this.sockets = [];
    this.coming = null;
    for (const socket of sockets) socket.resetAndDestroy();
  }

  private open(path: string): void {
    const { port, from } = this.options;
    const state = frameState();
    const sink: FrameSink = {
      letterAt: 0,
      wanted: ALL,
      onFrame: () => undefined,
      onPayload: (opcode, _letter, bytes, begin, end) => {
        if (opcode !== OPCODES.text) return;
        const type = LOOKED_AT.exec(bytes.toString('latin1', begin, Math.min(end, begin + HEAD)))?.[1];
        if (type !== undefined) this.hear(type, bytes.toString('utf8', begin, end), socket);
      },
    };
    const socket = openSocket({
      ...{ port, path, from },
      onOpen: () => undefined,
      onBytes: (chunk, length) => readFrames(state, sink, chunk, length),
      onEnd: (cause) => {
        if (this.sockets.includes(socket))
          this.coming?.reject(cause ?? new Error(`the server ended ${path}`));
      },
    });
    this.sockets.push(socket);
  }

  private hear(type: string, text: string, socket: Socket): void {
    if (type === 'hello') {
      for (const room of this.options.rooms) this.subscribe(room, socket);
      return;
    }
    const heard = JSON.parse(text) as Heard;
    const { room_id: room, seq, head_seq } = heard;
    if (room === undefined) {
      this.refused(heard, text, socket);
      return;
    }
    if (head_seq !== undefined) {
      this.heads.set(room, head_seq);
      if (!this.seqs.has(room)) this.seqs.set(room, head_seq);
    } else if (seq !== undefined) this.seqs.set(room, seq);
    this.caughtUp(room);
  }

  private subscribe(room: string, socket: Socket): void {
    const since = this.seqs.get(room);
    const frame = { type: 'subscribe', room, ...(since === undefined ? {} : { since }) };
    socket.write(textFrame(JSON.stringify(frame)));
  }

  /** One room of many is asked for again, as clients do. */
  private refused({ room, retry_after_ms: ms }: Heard, text: string, socket: Socket): void {
    if (room === undefined || ms === undefined) this.coming?.reject(new Error(text));
    else setTimeout(() => this.subscribe(room, socket), ms);
  }

  private caughtUp(room: string): void {
    const { coming } = this;
    const head = this.heads.get(room);
    if (coming === null || head === undefined || (this.seqs.get(room) ?? 0) < head) return;
    coming.rooms.delete(room);
    if (coming.rooms.size > 0) return;
    this.coming = null;
    coming.resolve();
  }
}

/** Lets phones come in, so many at a time; how long that took, ms. */
export async function enterAll(phones: readonly Phone[], atOnce: number): Promise<number> {
  const begun = performance.now();
  const rest = phones.values();
  const some = async (): Promise<void> => {
    for (const phone of rest) await phone.enter();
  };
  await Promise.all(Array.from({ length: atOnce }, some));
  return performance.now() - begun;
}
