import { may, noRight, rightFault, type Grant } from './access/grant.js';
import { ClientSocket, type ConnectionParts } from './client-socket.js';
import { decodeFrame } from './codec.js';
import type { Refusal } from './errors.js';
import type { Hello } from './hello.js';
import type { ConnectionLimits } from './limits/client-limits.js';
import type { Listener } from './listener.js';
import type { ClientFrame } from './messages/frames.js';
import type { Socket } from './ports.js';
import { idOfFrame, refusalFrame } from './refused-frame.js';
import type { Scheduler } from './scheduler.js';

/** A connection to one room: its socket hears this room and nothing else, and ends with it. */
export class OneRoom extends ClientSocket implements Listener {
  declare protected readonly visitor: Hello;
  /** `welcomed`: it may act, and is still being sent what it missed. */
  private phase: 'joining' | 'welcomed' | 'live' = 'joining';
  private mayPost: boolean;
  private topic: string | null = null;

  constructor(id: string, scheduler: Scheduler, hello: Hello, socket: Socket, parts: ConnectionParts) {
    super(id, scheduler, hello, socket, parts);
    this.mayPost = may(hello.grant, 'post', hello.room_id);
    this.enter(this, hello);
  }

  protected newLimits(): ConnectionLimits | null {
    return this.parts.clientLimits.ofConnection();
  }

  get isOneOfMany(): boolean {
    return false;
  }

  send(...frames: string[]): void {
    this.socket.send(...frames);
  }

  sendSoon(frame: string): void {
    this.socket.sendSoon(frame);
  }

  get hearsTopic(): boolean {
    return this.topic !== null;
  }

  hear(topic: string): void {
    this.socket.subscribe(topic, this.topic);
    this.topic = topic;
  }

  backlog(): number {
    return this.socket.backlog();
  }

  whenRead(bytes: number, call: () => void): void {
    this.socket.whenRead(bytes, call, this);
  }

  nextPage(bytes: number, call: () => void): void {
    // Pages come behind the welcome.
    this.phase = 'welcomed';
    this.whenRead(bytes, call);
  }

  get isLive(): boolean {
    return this.phase === 'live' && !this.isEnded;
  }

  admitted(): void {
    this.phase = 'live';
  }

  protected asks(text: string): boolean {
    const decoded = decodeFrame(text);
    if ('fault' in decoded) this.refuse('bad_request', decoded.fault, decoded.id);
    // Answered before the welcome, too: it is about the connection, not about the room.
    else if (decoded.frame.type === 'ping') this.pong();
    else if (decoded.frame.type === 'refresh') this.refresh(decoded.frame.token);
    else if (this.phase === 'joining') {
      const id = 'id' in decoded.frame ? decoded.frame.id : undefined;
      this.refuse('not_joined', 'wait for the welcome frame before you send', id);
    } else return this.act(decoded.frame, text.length);
    return false;
  }

  private act(frame: Exclude<ClientFrame, { type: 'ping' | 'refresh' }>, size: number): boolean {
    const { room_id } = this.visitor;
    if (!this.mayPost) {
      this.refuse('forbidden', noRight('post', room_id), 'id' in frame ? frame.id : undefined);
      return false;
    }
    switch (frame.type) {
      case 'post':
        return this.post(room_id, frame.text, frame.id, size);
      case 'typing':
        this.typing(room_id);
        return false;
    }
  }

  protected refusalOf(text: string, refusal: Refusal): string {
    return refusalFrame(refusal, idOfFrame(text));
  }

  protected about(_roomId: string, frame: string): string {
    return frame;
  }

  protected regranted(grant: Grant): Refusal | null {
    const { room_id } = this.visitor;
    this.mayPost = may(grant, 'post', room_id);
    return rightFault(grant, 'join', room_id);
  }

  protected leaveRooms(): void {
    this.parts.audiences.exit(this.visitor.room_id, this.id);
  }
}
