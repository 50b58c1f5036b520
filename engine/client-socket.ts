import { OVERLOADED, TOO_MUCH_HELD, type Admission } from './admission.js';
import type { Access } from './access/access.js';
import type { Ends } from './access/ends.js';
import type { Grant } from './access/grant.js';
import type { Ask } from './ask.js';
import type { Audiences } from './audiences.js';
import { ackFrame, errorFrame, PONG_FRAME, queuedFrame, refreshedFrame } from './codec.js';
import {
  CLOSE_SERVICE_RESTART,
  ERRORS,
  errorText,
  GOING_DOWN,
  type ErrorCode,
  type Refusal,
} from './errors.js';
import type { Hello, Visitor } from './hello.js';
import type { ClientLimits, ConnectionLimits, TooOften } from './limits/client-limits.js';
import type { Listener } from './listener.js';
import { Mailbox, type Behaviour } from './mailbox.js';
import type { Answer } from './messages/answers.js';
import type { Command, PostCommand } from './messages/commands.js';
import type { Broker, Clock, Log, Meter, Outlet, Socket } from './ports.js';
import type { Scheduler } from './scheduler.js';
import type { TypingLimit } from './typing-limit.js';

export interface ConnectionParts {
  readonly broker: Broker;
  readonly ask: Ask;
  readonly audiences: Audiences;
  readonly admission: Admission;
  readonly outlet: Pick<Outlet, 'bufferBytes'>;
  readonly log: Log;
  readonly meter: Meter;
  readonly newId: () => string;
  readonly typingLimit: TypingLimit;
  readonly access: Pick<Access, 'identify' | 'isTrusted'>;
  readonly clientLimits: ClientLimits;
  /** Rooms that one connection of many may be subscribed to at once. */
  readonly roomsPerConnection: number;
  readonly clock: Pick<Clock, 'elapsed' | 'after'>;
  readonly ends: Ends;
  /** Called once, when the connection has ended. */
  readonly ended: (connection: ClientSocket) => void;
}

/** Frames that may wait in a connection, and posts of it that may be under way, together. */
const HELD_LIMIT = 1_024;
/** `batch`: few frames a turn, so that a flood on one connection does not stand before all others (bench/NOTES.md). */
const LIMITS = { limit: HELD_LIMIT, batch: 8 };
/**
 * A client that sends its whole backlog at once may be refused some frames in a row; so many refusals it does not read. 16
 * connections that typed without a pause made a turn of the event loop twice as long with 4,096 (bench/NOTES.md).
 */
const HELD_TOO_MUCH_LIMIT = 512;
const GOES_ON = 'you go on sending although you were refused; wait as long as you are told';

/**
 * One client's socket: turns frames into commands, and answers into frames. How many rooms it is in, and what a frame says of
 * its room, is up to the two that extend it: `OneRoom` and `ManyRooms`. They extend it instead of holding one, because there
 * may be a hundred thousand of them. The audiences of its rooms take care of its seats.
 */
export abstract class ClientSocket implements Behaviour<string> {
  private readonly mailbox: Mailbox<string>;
  private isOver = false;
  private underWay = 0;
  /** Of the last good token. */
  private grant: Grant;
  /** Null: nothing limits how fast it sends. */
  private limits: ConnectionLimits | null;
  /** Frames in a row that came while the connection held too many places. */
  private heldTooMuch = 0;
  private isRefreshing = false;
  /** The node goes down: after how many ms the client is to come back. It is told when its posts are answered. */
  private retryAfterMs: number | null = null;

  protected constructor(
    readonly id: string,
    scheduler: Scheduler,
    protected readonly visitor: Visitor,
    protected readonly socket: Socket,
    protected readonly parts: ConnectionParts,
  ) {
    this.mailbox = new Mailbox<string>(scheduler, LIMITS, this);
    this.grant = visitor.grant;
    this.limits = this.isTrusted ? null : this.newLimits();
    if (visitor.grant.endsAt !== Infinity) parts.ends.add(this, visitor.grant.endsAt);
  }

  /** Limits for a connection of this kind; null: it has none. The constructor calls it, before fields of subclasses are set. */
  protected abstract newLimits(): ConnectionLimits | null;
  /** Deals with a frame. Whether it has become a command that will be answered. */
  protected abstract asks(text: string): boolean;
  /** The frame that refuses what this text asks for. */
  protected abstract refusalOf(text: string, refusal: Refusal): string;
  /** A frame about a room, as this client reads it. */
  protected abstract about(roomId: string, frame: string): string;
  /** The rights change: why the client may not stay, or null. */
  protected abstract regranted(grant: Grant): Refusal | null;
  /** The connection has ended: leaves its rooms. */
  protected abstract leaveRooms(): void;

  /** What the client may do, by its token. */
  get granted(): Grant {
    return this.grant;
  }

  get isTrusted(): boolean {
    return this.parts.access.isTrusted(this.grant);
  }

  get user(): string {
    return this.visitor.user;
  }

  get requestId(): string {
    return this.visitor.request_id ?? this.id;
  }

  get isEnded(): boolean {
    return this.isOver;
  }

  /** Frames that have come and are not dealt with yet. */
  protected get waiting(): number {
    return this.mailbox.depth;
  }

  /** A text frame from the client. */
  frame(text: string): void {
    if (this.isOver) return;
    if (this.retryAfterMs !== null) {
      this.parts.meter.refused(GOING_DOWN.code);
      this.socket.sendSoon(this.refusalOf(text, GOING_DOWN));
      return;
    }
    const { admission, clock } = this.parts;
    const tooMany = this.limits?.frame(clock.elapsed()) ?? null;
    if (tooMany !== null) {
      this.limit(tooMany, this.refusalOf(text, tooMany));
      return;
    }
    const held = this.underWay + this.mailbox.depth;
    if (held >= HELD_LIMIT || held >= admission.share) this.holdsTooMuch(text);
    else if (!admission.enter(text.length)) this.turnAway(text, OVERLOADED);
    else {
      this.heldTooMuch = 0;
      this.mailbox.tell(text);
    }
  }

  /**
   * Many frames may be in one segment, and all are read before anything else happens. So a client that does not stop is closed:
   * then the rest of what it has sent is not even looked at.
   */
  private holdsTooMuch(text: string): void {
    const { meter } = this.parts;
    meter.limited('share_of_node');
    this.turnAway(text, TOO_MUCH_HELD);
    if (++this.heldTooMuch >= HELD_TOO_MUCH_LIMIT) this.endForAbuse();
  }

  private endForAbuse(): void {
    const { meter, clientLimits } = this.parts;
    meter.limited('abuse');
    const pauseMs = this.isTrusted ? 0 : clientLimits.abused(this.user);
    this.end('rate_limited', GOES_ON, pauseMs === 0 ? undefined : pauseMs);
  }

  /** Refuses a frame at the least cost. */
  private turnAway(text: string, refusal: Refusal): void {
    this.parts.meter.refused(refusal.code);
    // A client that sends too much mostly has acks on their way, too: one write for both.
    this.socket.sendAlong(this.refusalOf(text, refusal));
  }

  /** Tells the client that something it sent is refused. Nothing else happens. */
  refuse(code: ErrorCode, message: string, id?: string, retryAfterMs?: number): void {
    this.parts.meter.refused(code);
    this.socket.sendSoon(errorFrame(code, message, id, retryAfterMs));
  }

  /** As `refuse`, for what is about a room. */
  protected refuseIn(roomId: string, { code, message, retry_after_ms }: Refusal, id?: string): void {
    this.parts.meter.refused(code);
    this.socket.sendSoon(this.about(roomId, errorFrame(code, message, id, retry_after_ms)));
  }

  /** Refuses what comes too often. Who goes on and on is closed. */
  protected limit({ code, limit }: TooOften, frame: string): void {
    const { meter, clock } = this.parts;
    meter.limited(limit);
    meter.refused(code);
    this.socket.sendSoon(frame);
    if (this.limits?.isAbuse(clock.elapsed())) this.endForAbuse();
  }

  /** The socket is gone. */
  closed(): void {
    this.finish();
  }

  end(code: ErrorCode, message: string, retryAfterMs?: number): void {
    if (this.isOver) return;
    this.refuse(code, message, undefined, retryAfterMs);
    this.socket.end(ERRORS[code].close, code);
    this.finish();
  }

  /**
   * The node goes down: the client should come back after so many ms, to this node or another. It is told, and the
   * connection ends, when the posts that it has sent are answered. What it sends from now on is refused.
   */
  restart(retryAfterMs: number): void {
    if (this.isOver || this.retryAfterMs !== null) return;
    this.retryAfterMs = retryAfterMs;
    this.restartIfAnswered();
  }

  /** As `restart`, but now: answers that have not come are not waited for. */
  restartNow(): void {
    if (this.isOver) return;
    const { code, message } = GOING_DOWN;
    try {
      this.socket.send(errorFrame(code, message, undefined, this.retryAfterMs ?? 0));
      this.socket.end(CLOSE_SERVICE_RESTART, 'service_restart');
      this.finish();
    } catch (cause) {
      // The others have to be told all the same.
      this.crashed(cause);
    }
  }

  private restartIfAnswered(): void {
    if (this.retryAfterMs !== null && this.underWay === 0 && this.mailbox.depth === 0) this.restartNow();
  }

  /** The token has expired. */
  over(): void {
    this.end('unauthorized', 'your token has expired: come back with a new one');
  }

  abort(): void {
    this.finish();
    try {
      this.socket.end(ERRORS.internal.close, 'internal');
    } catch (cause) {
      this.parts.log.error(
        { connection_id: this.id, cause: errorText(cause) },
        'connection: it cannot be closed',
      );
    }
  }

  receive(text: string): void {
    if (this.isOver) return;
    this.read(text);
    this.restartIfAnswered();
  }

  crashed(cause: unknown): void {
    this.parts.meter.crashed('connection');
    this.parts.log.error({ connection_id: this.id, cause: errorText(cause) }, 'connection: a crash ends it');
    try {
      this.end('internal', 'the connection failed; come back');
    } catch {
      // Its socket is what fails, so the client cannot be told. The crash itself is logged above.
      this.abort();
    }
  }

  /**
   * Sends a command. The answer is handled in the turn of the actor that gives it. That actor must not crash
   * with this connection, so a throw is caught here.
   */
  private ask(command: Command, onAnswer: (answer: Answer) => void): void {
    this.parts.ask(command, (answer) => {
      try {
        onAnswer(answer);
      } catch (cause) {
        this.crashed(cause);
      }
    });
  }

  private read(text: string): void {
    let asks = false;
    try {
      asks = this.asks(text);
    } finally {
      // A frame that asks gives its place back when it is answered.
      if (!asks) this.parts.admission.leave(text.length);
    }
  }

  /** Asks for a seat, once the node hears the room. */
  protected enter(
    listener: Listener,
    { room_id, since, resume }: Pick<Hello, 'room_id' | 'since' | 'resume'>,
  ): void {
    const { audiences, log } = this.parts;
    audiences.enter(room_id).then(
      () => {
        if (listener.isEnded) return;
        const entrant = { listener, since, resume, requestId: this.requestId };
        if (!audiences.admit(room_id, entrant))
          listener.end('unavailable', 'too many join this room at once');
      },
      (cause: unknown) => {
        // The cause may name a host, and is for the log.
        const fields = { connection_id: this.id, room_id, cause: errorText(cause) };
        log.warn(fields, 'connection: a room cannot be heard');
        listener.end('unavailable', 'this room cannot be heard just now; come back in a moment');
      },
    );
  }

  protected pong(): void {
    this.socket.sendSoon(PONG_FRAME);
  }

  /** Replaces the token. Who had the right to be here and has lost it is sent away. */
  protected refresh(token: string): void {
    if (this.isRefreshing) {
      this.refuse('rate_limited', 'a refresh is under way; wait for its answer');
      return;
    }
    this.isRefreshing = true;
    void this.parts.access.identify(token).then((grant) => {
      this.isRefreshing = false;
      if (this.isOver) return;
      if ('code' in grant) this.refuse(grant.code, grant.message);
      else this.refreshed(grant);
    });
  }

  private refreshed(grant: Grant): void {
    if (grant.user !== this.grant.user) {
      this.refuse('forbidden', 'this token is of another user; open a connection of its own with it');
      return;
    }
    const fault = this.regranted(grant);
    if (fault !== null) {
      this.end(fault.code, fault.message);
      return;
    }
    this.parts.ends.remove(this, this.grant.endsAt);
    this.grant = grant;
    // What it has sent already still counts: a refresh is no way around its limits.
    this.limits = this.isTrusted ? null : (this.limits ?? this.newLimits());
    if (grant.endsAt !== Infinity) this.parts.ends.add(this, grant.endsAt);
    this.socket.sendSoon(refreshedFrame(grant.endsAt));
  }

  /**
   * Tells the room's home, best effort: nobody needs every `typing`, so none is kept on its way. What the home would drop,
   * because it comes too often, is not sent at all.
   */
  protected typing(room_id: string): void {
    const { broker, audiences, meter, typingLimit } = this.parts;
    const { user } = this;
    const home = audiences.homeOf(room_id);
    if (home === null) meter.dropped('typing');
    else if (!typingLimit.passes(room_id, user)) meter.dropped('typing_too_often');
    else broker.say({ type: 'typing', room_id, user }, home);
  }

  /** Posts, and answers with `ack`, `queued` or `error`. `size`: of the frame. Whether it was let through. */
  protected post(room_id: string, text: string, given: string | undefined, size: number): boolean {
    const { user } = this;
    if (this.limits !== null) {
      const { clientLimits, clock } = this.parts;
      const tooMany = this.limits.post(clock.elapsed()) ?? clientLimits.postOf(user);
      if (tooMany !== null) {
        const { code, message, retry_after_ms } = tooMany;
        this.limit(tooMany, this.about(room_id, errorFrame(code, message, given, retry_after_ms)));
        return false;
      }
    }
    const id = given ?? this.parts.newId();
    this.underWay++;
    const command: PostCommand = { type: 'post', room_id, id, user, text, request_id: this.requestId };
    if (given === undefined) command.fresh = true;
    if (this.isTrusted) command.unlimited = true;
    // The answer changes nothing of this actor but a counter, so it needs no turn of its own.
    this.ask(command, (answer) => {
      this.underWay--;
      this.parts.admission.leave(size);
      // The connection gets its own message, too, a little later: one write for both.
      if (answer.type === 'posted')
        this.socket.sendAlong(this.about(room_id, ackFrame(id, answer.message.seq)));
      else if (answer.type === 'queued') this.socket.sendSoon(this.about(room_id, queuedFrame(id)));
      else if (answer.type === 'refused') this.refuseIn(room_id, answer, id);
      this.restartIfAnswered();
    });
    return true;
  }

  private finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.grant.endsAt !== Infinity) this.parts.ends.remove(this, this.grant.endsAt);
    for (const text of this.mailbox.stop()) this.parts.admission.leave(text.length);
    this.leaveRooms();
    this.parts.ended(this);
  }
}
