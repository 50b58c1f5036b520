import { may, noRight, rightFault, type Grant } from './access/grant.js';
import { ClientSocket, type ConnectionParts } from './client-socket.js';
import { decodeManyFrame, errorFrame, helloFrame, inRoom, unsubscribedFrame, type Decoded } from './codec.js';
import type { Refusal } from './errors.js';
import { behindBytes } from './fanout.js';
import type { Visitor } from './hello.js';
import type { ConnectionLimits } from './limits/client-limits.js';
import { checker } from './messages/check.js';
import { RoomId } from './messages/fields.js';
import type { ManyClientFrame } from './messages/frames.js';
import type { Socket } from './ports.js';
import { plainPost, refusalFrame } from './refused-frame.js';
import {
  allRooms,
  NO_ROOMS,
  ofRoom,
  roomCountOf,
  withoutRoom,
  withRoom,
  type RoomList,
} from './room-list.js';
import { RoomTurns } from './room-turns.js';
import type { Scheduler } from './scheduler.js';
import { Subscription, type Subscriber } from './subscription.js';

type Fault = Extract<Decoded<ManyClientFrame>, { fault: string }>;
type Act = Extract<ManyClientFrame, { type: 'post' | 'typing' }>;

/** `behind`: the number of the last frame that waited then. */
interface RefusedUnread {
  readonly behind: number;
  readonly refusal: Refusal;
}

const NOT_JOINED: Refusal = {
  code: 'not_joined',
  message: 'subscribe to this room first, and wait for its welcome',
};
const ALREADY: Refusal = { code: 'bad_request', message: 'you are subscribed to this room already' };

const roomFaults = checker(RoomId);

/** A connection to many rooms. Each of them may refuse the client, or end, while the others go on. */
export class ManyRooms extends ClientSocket implements Subscriber {
  private rooms: RoomList<Subscription> = NO_ROOMS;
  /** Whether it has been in a room, or asked for one, that it is not in now. */
  private hasLeft = false;
  /** Frames that were dealt with, this one among them. */
  private readCount = 0;
  /** Of rooms whose subscribe was refused while frames that came before it waited; null while there are none. */
  private refusedUnread: Map<string, RefusedUnread> | null = null;
  /** Null while no room is being joined or caught up with. */
  private turns: RoomTurns<Subscription> | null = null;

  constructor(
    id: string,
    scheduler: Scheduler,
    visitor: Visitor,
    override readonly socket: Socket,
    parts: ConnectionParts,
  ) {
    super(id, scheduler, visitor, socket, parts);
    socket.send(helloFrame(this, visitor.resume, parts.roomsPerConnection));
  }

  protected newLimits(): ConnectionLimits | null {
    const { clientLimits, roomsPerConnection } = this.parts;
    return clientLimits.ofConnection(roomsPerConnection);
  }

  /** Rooms that it is subscribed to, or was when it ended. */
  get roomCount(): number {
    return roomCountOf(this.rooms);
  }

  protected asks(text: string): boolean {
    this.readCount++;
    const isCommand = this.deal(text);
    if (this.waiting === 0) this.refusedUnread = null;
    return isCommand;
  }

  private deal(text: string): boolean {
    const decoded = decodeManyFrame(text);
    if ('fault' in decoded) {
      this.faulty(decoded);
      return false;
    }
    const { frame } = decoded;
    switch (frame.type) {
      case 'subscribe':
        this.subscribe(frame.room, frame.since ?? null);
        return false;
      case 'unsubscribe':
        this.unsubscribe(frame.room);
        return false;
      case 'ping':
        this.pong();
        return false;
      case 'refresh':
        this.refresh(frame.token);
        return false;
      case 'post':
      case 'typing':
        return this.act(frame, text.length);
    }
  }

  private faulty({ fault, ...about }: Fault): void {
    this.parts.meter.refused('bad_request');
    this.socket.sendSoon(this.refusalIn({ code: 'bad_request', message: fault }, about));
  }

  private act(frame: Act, size: number): boolean {
    const { room } = frame;
    const id = 'id' in frame ? frame.id : undefined;
    const subscription = ofRoom(this.rooms, room);
    if (!subscription?.isWelcomed) this.refuseIn(room, NOT_JOINED, id);
    else if (!subscription.mayPost)
      this.refuseIn(room, { code: 'forbidden', message: noRight('post', room) }, id);
    else if (frame.type === 'post') return this.post(room, frame.text, frame.id, size);
    else this.typing(room);
    return false;
  }

  private subscribe(room: string, since: number | null): void {
    if (this.isIn(room)) {
      this.refuseIn(room, ALREADY);
      return;
    }
    // A later one was refused before this one was read, so the client takes itself to be out.
    const later = this.refusedUnread?.get(room);
    if (later !== undefined && this.readCount <= later.behind) {
      this.tellUnsubscribed(room, later.refusal);
      return;
    }
    const refusal = this.noPlace() ?? rightFault(this.granted, 'join', room);
    if (refusal !== null) {
      this.tellUnsubscribed(room, refusal);
      return;
    }
    const tooMany = this.isTrusted ? null : this.parts.clientLimits.subscribeOf(this.user);
    if (tooMany !== null) {
      this.limit(tooMany, unsubscribedFrame(room, tooMany));
      return;
    }
    // The room's own text of its id, not the one from the frame: a client in fifty rooms would hold fifty texts.
    const roomId = this.parts.audiences.idOf(room);
    const subscription = new Subscription(this.nextId(), roomId, this.granted, this);
    this.rooms = withRoom(this.rooms, subscription);
    this.inTurns().join(subscription, () => {
      subscription.entered();
      this.enter(subscription, { room_id: roomId, since, resume: null });
    });
  }

  /** An id that no room has seen of an earlier subscription: the connection's own, as long as there is none. */
  private nextId(): string {
    return this.hasLeft ? this.parts.newId() : this.id;
  }

  private isIn(room: string): boolean {
    return ofRoom(this.rooms, room) !== undefined;
  }

  private noPlace(): Refusal | null {
    const { roomsPerConnection } = this.parts;
    if (this.roomCount < roomsPerConnection) return null;
    const message = `you are subscribed to ${roomsPerConnection} rooms, and may be to no more on one connection: unsubscribe from one`;
    return { code: 'rate_limited', message };
  }

  private unsubscribe(room: string): void {
    const subscription = ofRoom(this.rooms, room);
    if (subscription === undefined) this.tellUnsubscribed(room, null);
    else this.leave(subscription, null);
  }

  unsubscribed(one: Subscription, refusal: Refusal): void {
    this.parts.meter.refused(refusal.code);
    this.leave(one, refusal);
  }

  /** `refusal`: null where the client has asked for it. */
  private leave(one: Subscription, refusal: Refusal | null): void {
    this.rooms = withoutRoom(this.rooms, one);
    this.hasLeft = true;
    this.exit(one);
    one.finish(unsubscribedFrame(one.roomId, refusal));
    this.turns?.done(one);
  }

  private exit({ roomId, id, hasEntered }: Subscription): void {
    if (hasEntered) this.parts.audiences.exit(roomId, id);
  }

  private tellUnsubscribed(room: string, refusal: Refusal | null): void {
    if (refusal !== null) this.parts.meter.refused(refusal.code);
    this.socket.sendSoon(unsubscribedFrame(room, refusal));
  }

  nextPage(one: Subscription, bytes: number, call: () => void): void {
    this.inTurns().page(one, () => one.whenRead(bytes, call));
  }

  welcomed(one: Subscription): void {
    this.turns?.done(one);
  }

  private inTurns(): RoomTurns<Subscription> {
    const { outlet, clock } = this.parts;
    return (this.turns ??= new RoomTurns<Subscription>({
      ...{ socket: this.socket, clock },
      most: behindBytes(outlet) / 2,
      idle: () => (this.turns = null),
    }));
  }

  protected refusalOf(text: string, refusal: Refusal): string {
    const post = plainPost(text);
    if (post !== null && !roomFaults(post.room)) return refusalFrame(refusal, post.id, post.room);
    const decoded = decodeManyFrame(text);
    if ('fault' in decoded) return this.refusalIn(refusal, decoded);
    const { frame } = decoded;
    if (frame.type === 'subscribe' && this.waiting > 0 && !this.isIn(frame.room)) {
      this.refusedUnread ??= new Map();
      this.refusedUnread.set(frame.room, { behind: this.readCount + this.waiting, refusal });
    }
    return this.refusalIn(refusal, {
      type: frame.type,
      ...('id' in frame && frame.id !== undefined ? { id: frame.id } : {}),
      ...('room' in frame ? { room: frame.room } : {}),
    });
  }

  /** The frame that refuses a frame of this type: a `subscribe` is answered with `unsubscribed`. */
  private refusalIn(refusal: Refusal, { id, room, type }: Omit<Fault, 'fault'>): string {
    const { code, message, retry_after_ms } = refusal;
    if (type === 'subscribe' && room !== undefined && !this.isIn(room))
      return unsubscribedFrame(room, refusal);
    const frame = errorFrame(code, message, id, retry_after_ms);
    return room !== undefined && !roomFaults(room) ? inRoom(room, frame) : frame;
  }

  protected about(roomId: string, frame: string): string {
    return inRoom(roomId, frame);
  }

  /** Leaves the rooms that the new token does not allow. */
  protected regranted(grant: Grant): null {
    for (const one of allRooms(this.rooms)) {
      one.mayPost = may(grant, 'post', one.roomId);
      const fault = rightFault(grant, 'join', one.roomId);
      if (fault !== null) this.unsubscribed(one, fault);
    }
    return null;
  }

  protected leaveRooms(): void {
    this.turns?.stop();
    this.turns = null;
    for (const one of allRooms(this.rooms)) {
      this.exit(one);
      one.over();
    }
  }
}
