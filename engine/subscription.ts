import { may, type Grant } from './access/grant.js';
import { inRoom } from './codec.js';
import type { ErrorCode, Refusal } from './errors.js';
import type { Listener } from './listener.js';
import type { Socket } from './ports.js';

/** The connection that a subscription belongs to. */
export interface Subscriber {
  readonly socket: Socket;
  readonly user: string;
  readonly isTrusted: boolean;
  /** Calls when it is the turn of this subscription to send more of what the client missed, and the client has read. */
  nextPage(one: Subscription, bytes: number, call: () => void): void;
  /** It needs no more turns. */
  welcomed(one: Subscription): void;
  /** The room has ended it. The client is told. */
  unsubscribed(one: Subscription, refusal: Refusal): void;
  abort(): void;
}

/**
 * One room of a connection to many: towards the room's audience it is a connection of its own. A client has dozens of them, so it
 * holds nothing that the room or the connection has already (bench/NOTES.md, idle connections). `id`: of none
 * before it in this room, so that what the room answers to an earlier one is never taken for an answer to this.
 */
export class Subscription implements Listener {
  mayPost: boolean;
  /** `waiting`: its turn has not come. `welcomed`: it is still being sent what it missed. */
  private state: 'waiting' | 'joining' | 'welcomed' | 'live' | 'ended' = 'waiting';
  private topic: string | null = null;

  constructor(
    readonly id: string,
    readonly roomId: string,
    grant: Grant,
    private readonly subscriber: Subscriber,
  ) {
    this.mayPost = may(grant, 'post', roomId);
  }

  get user(): string {
    return this.subscriber.user;
  }

  get isTrusted(): boolean {
    return this.subscriber.isTrusted;
  }

  /** Whether it counts as a connection of the room's audience. */
  get hasEntered(): boolean {
    return this.state !== 'waiting' && !this.isEnded;
  }

  entered(): void {
    this.state = 'joining';
  }

  get isLive(): boolean {
    return this.state === 'live';
  }

  /** Whether the client has its welcome, and is in the room. */
  get isWelcomed(): boolean {
    return this.state === 'welcomed' || this.isLive;
  }

  get isEnded(): boolean {
    return this.state === 'ended';
  }

  get isOneOfMany(): boolean {
    return true;
  }

  send(...frames: string[]): void {
    if (this.isEnded) return;
    this.subscriber.socket.send(...frames.map((frame) => inRoom(this.roomId, frame)));
  }

  sendSoon(frame: string): void {
    if (!this.isEnded) this.subscriber.socket.sendSoon(inRoom(this.roomId, frame));
  }

  get hearsTopic(): boolean {
    return this.topic !== null;
  }

  hear(topic: string): void {
    if (this.isEnded) return;
    this.subscriber.socket.subscribe(topic, this.topic);
    this.topic = topic;
  }

  backlog(): number {
    return this.subscriber.socket.backlog();
  }

  whenRead(bytes: number, call: () => void): void {
    if (!this.isEnded) this.subscriber.socket.whenRead(bytes, call, this);
  }

  nextPage(bytes: number, call: () => void): void {
    if (this.isEnded) return;
    // Pages come behind the welcome.
    this.state = 'welcomed';
    this.subscriber.nextPage(this, bytes, call);
  }

  admitted(): void {
    if (this.isEnded) return;
    this.state = 'live';
    this.subscriber.welcomed(this);
  }

  end(code: ErrorCode, message: string): void {
    if (!this.isEnded) this.subscriber.unsubscribed(this, { code, message });
  }

  abort(): void {
    if (!this.isEnded) this.subscriber.abort();
  }

  /** Sends its last frame, behind all that was sent of the room. None follows. */
  finish(last: string): void {
    this.state = 'ended';
    const { socket } = this.subscriber;
    socket.send(last);
    if (this.topic !== null) socket.unsubscribe(this.topic);
  }

  /** The socket has ended. */
  over(): void {
    this.state = 'ended';
  }
}
