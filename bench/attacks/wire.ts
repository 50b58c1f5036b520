import { frameState, OPCODES, readFrames, type FrameSink } from '../load/frames.js';
import { errorCode } from '../load/texts.js';
import type { Crowd } from './crowd.js';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** The bytes with which a client asks for a WebSocket. */
export function handshake(room: string, user: string): string {
  return (
    `GET /ws/updates/${room}?user=${user} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n` +
    `Connection: Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`
  );
}

/** In `{"type":"message"`: what kind of frame it is. */
const LETTER_AT = '{"type":"'.length;
const LETTERS = { ack: letterOf('a'), error: letterOf('e'), welcome: letterOf('w') } as const;
/** Where the status is in `HTTP/1.1 101 Switching Protocols`. */
const STATUS_AT = 'HTTP/1.1 '.length;
const SWITCHING = 101;
const HEAD_END = Buffer.from('\r\n\r\n');

export interface WireEvents {
  /** The welcome has come. */
  welcomed(): void;
  /** So many posts were answered, with an ack or an error, in what has just been read. */
  answered(posts: number): void;
}

/** Reads what a server sends on a WebSocket, as cheaply as it can, and counts what was refused. */
export class Wire {
  /** Of the close frame; null: none has come. */
  closeCode: number | null = null;
  private head: Buffer | null = Buffer.alloc(0);
  private readonly state = frameState();
  private posts = 0;
  private isWelcome = false;
  private isWebSocket = false;
  private readonly sink: FrameSink;

  constructor(
    private readonly crowd: Crowd,
    private readonly events: WireEvents,
  ) {
    const wanted = new Uint8Array(256);
    wanted[LETTERS.error] = 1;
    this.sink = {
      letterAt: LETTER_AT,
      wanted,
      onFrame: (letter) => {
        if (letter === LETTERS.ack) this.posts++;
        else if (letter === LETTERS.welcome) this.isWelcome = true;
      },
      onPayload: (opcode, _letter, bytes, from, to) => {
        if (opcode === OPCODES.close) this.closeCode = to - from >= 2 ? bytes.readUInt16BE(from) : null;
        if (opcode !== OPCODES.text) return;
        this.posts++;
        crowd.wasRefused(errorCode(bytes.toString('utf8', from, to)));
      },
    };
  }

  received(chunk: Buffer, length: number): void {
    if (this.head !== null) {
      this.head = Buffer.concat([this.head, chunk.subarray(0, length)]);
      const end = this.head.indexOf(HEAD_END);
      if (end < 0) return;
      const rest = this.head.subarray(end + HEAD_END.length);
      const status = Number(this.head.toString('latin1', STATUS_AT, STATUS_AT + 3));
      this.crowd.answered(status);
      this.head = null;
      this.isWebSocket = status === SWITCHING;
      if (this.isWebSocket) readFrames(this.state, this.sink, rest, rest.length);
    } else if (this.isWebSocket) readFrames(this.state, this.sink, chunk, length);
    if (this.isWelcome) {
      this.isWelcome = false;
      this.events.welcomed();
    }
    if (this.posts === 0) return;
    const { posts } = this;
    this.posts = 0;
    this.events.answered(posts);
  }
}

function letterOf(text: string): number {
  return text.charCodeAt(0);
}
