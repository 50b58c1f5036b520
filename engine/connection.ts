import { OVERLOADED, type Admission } from './admission.js';
import type { Access } from './access/access.js';
import type { Ends } from './access/ends.js';
import { may, noRight, rightFault, type Grant } from './access/grant.js';
import type { Ask } from './ask.js';
import type { Audiences } from './audiences.js';
import {
  ackFrame,
  decodeFrame,
  errorFrame,
  idOfFrame,
  PONG_FRAME,
  queuedFrame,
  refreshedFrame,
  refusalFrames,
} from './codec.js';
import {
  CLOSE_SERVICE_RESTART,
  ERRORS,
  errorText,
  GOING_DOWN,
  type ErrorCode,
  type Refusal,
} from './errors.js';
import type { Hello } from './hello.js';
import type { Listener } from './listener.js';
import type { ClientLimits, ConnectionLimits, TooOften } from './limits/client-limits.js';
import { Mailbox, type Behaviour } from './mailbox.js';
import type { Answer } from './messages/answers.js';
import type { Command, PostCommand } from './messages/commands.js';
import type { ClientFrame } from './messages/frames.js';
import type { Broker, Clock, Log, Meter, Socket } from './ports.js';
import type { Scheduler } from './scheduler.js';
import type { TypingLimit } from './typing-limit.js';

export interface ConnectionParts {
  readonly broker: Broker;
  readonly ask: Ask;
  readonly audiences: Audiences;
  readonly admission: Admission;
  readonly log: Log;
  readonly meter: Meter;
  readonly newId: () => string;
  readonly typingLimit: TypingLimit;
  readonly access: Pick<Access, 'identify' | 'isTrusted'>;
  readonly clientLimits: ClientLimits;
  readonly clock: Pick<Clock, 'elapsed'>;
  readonly ends: Ends;
  /** Called once, when the connection has ended. */
  readonly ended: (connection: ConnectionActor) => void;
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
const TOO_MUCH_HELD: Refusal = {
  code: 'rate_limited',
  message: 'too many frames at once; wait for the acks of those you sent',
};
const tooMuchHeldFrame = refusalFrames(TOO_MUCH_HELD);
const overloadedFrame = refusalFrames(OVERLOADED);

/**
 * One WebSocket: turns frames into commands, and answers into frames. Its audience takes care of its seat.
 */
export class ConnectionActor implements Behaviour<string>, Listener {
  private readonly mailbox: Mailbox<string>;
  private state: 'joining' | 'live' | 'ended' = 'joining';
  private underWay = 0;
  /** Of the last good token. */
  private grant: Grant;
  private mayPost: boolean;
  /** Frames in a row that came while the connection held too many places. */
  private heldTooMuch = 0;
  private isRefreshing = false;
  /** Null: nothing limits how fast it sends. */
  private readonly limits: ConnectionLimits | null;
  /** The node goes down: after how many ms the client is to come back. It is told when its posts are answered. */
  private retryAfterMs: number | null = null;

  constructor(
    readonly id: string,
    scheduler: Scheduler,
    private readonly hello: Hello,
    private readonly socket: Socket,
    private readonly parts: ConnectionParts,
  ) {
    this.mailbox = new Mailbox<string>(scheduler, LIMITS, this);
    this.grant = hello.grant;
    this.mayPost = may(hello.grant, 'post', hello.room_id);
    this.limits = this.isTrusted ? null : parts.clientLimits.ofConnection();
    if (hello.grant.endsAt !== Infinity) parts.ends.add(this, hello.grant.endsAt);
    this.enter();
  }

  /** What the client may do, by its token. */
  get granted(): Grant {
    return this.grant;
  }

  get isTrusted(): boolean {
    return this.parts.access.isTrusted(this.grant);
  }

  get user(): string {
    return this.hello.user;
  }

  get requestId(): string {
    return this.hello.request_id ?? this.id;
  }

  get roomId(): string {
    return this.hello.room_id;
  }

  /** A text frame from the client. */
  frame(text: string): void {
    if (this.state === 'ended') return;
    if (this.retryAfterMs !== null) {
      this.refuse(GOING_DOWN.code, GOING_DOWN.message, idOfFrame(text));
      return;
    }
    const { admission, clock } = this.parts;
    const tooMany = this.limits?.frame(clock.elapsed()) ?? null;
    if (tooMany !== null) {
      this.limit(tooMany, idOfFrame(text));
      return;
    }
    const held = this.underWay + this.mailbox.depth;
    if (held >= HELD_LIMIT || held >= admission.share) this.holdsTooMuch(text);
    else if (!admission.enter(text.length)) this.turnAway(OVERLOADED.code, overloadedFrame, text);
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
    this.turnAway(TOO_MUCH_HELD.code, tooMuchHeldFrame, text);
    if (++this.heldTooMuch < HELD_TOO_MUCH_LIMIT) return;
    meter.limited('abuse');
    this.end('rate_limited', GOES_ON);
  }

  /** Refuses a frame at the least cost. */
  private turnAway(code: ErrorCode, frameFor: (id: string | undefined) => string, text: string): void {
    this.parts.meter.refused(code);
    // A client that sends too much mostly has acks on their way, too: one write for both.
    this.socket.sendAlong(frameFor(idOfFrame(text)));
  }

  /** Tells the client that something it sent is refused. Nothing else happens. */
  refuse(code: ErrorCode, message: string, id?: string, retryAfterMs?: number): void {
    this.parts.meter.refused(code);
    this.socket.sendSoon(errorFrame(code, message, id, retryAfterMs));
  }

  /** Refuses what comes too often. Who goes on and on is closed. */
  private limit({ code, message, limit, retry_after_ms }: TooOften, id: string | undefined): void {
    const { meter, clock } = this.parts;
    meter.limited(limit);
    this.refuse(code, message, id, retry_after_ms);
    if (!this.limits?.isAbuse(clock.elapsed())) return;
    meter.limited('abuse');
    this.end('rate_limited', GOES_ON);
  }

  /** The socket is gone. */
  closed(): void {
    this.finish();
  }

  send(...frames: string[]): void {
    this.socket.send(...frames);
  }

  sendSoon(frame: string): void {
    this.socket.sendSoon(frame);
  }

  subscribe(topic: string): void {
    this.socket.subscribe(topic);
  }

  backlog(): number {
    return this.socket.backlog();
  }

  whenRead(bytes: number, call: () => void): void {
    this.socket.whenRead(bytes, call);
  }

  get isLive(): boolean {
    return this.state === 'live';
  }

  get isEnded(): boolean {
    return this.state === 'ended';
  }

  admitted(): void {
    if (this.state === 'joining') this.state = 'live';
  }

  end(code: ErrorCode, message: string): void {
    if (this.state === 'ended') return;
    this.refuse(code, message);
    this.socket.end(ERRORS[code].close, code);
    this.finish();
  }

  /**
   * The node goes down: the client should come back after so many ms, to this node or another. It is told, and the
   * connection ends, when the posts that it has sent are answered. What it sends from now on is refused.
   */
  restart(retryAfterMs: number): void {
    if (this.state === 'ended' || this.retryAfterMs !== null) return;
    this.retryAfterMs = retryAfterMs;
    this.restartIfAnswered();
  }

  /** As `restart`, but now: answers that have not come are not waited for. */
  restartNow(): void {
    if (this.state === 'ended') return;
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
    if (this.state === 'ended') return;
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

  /** Asks for a seat, once the node hears the room. */
  private enter(): void {
    const { room_id, since, resume } = this.hello;
    const { audiences, log } = this.parts;
    audiences.enter(room_id).then(
      () => {
        if (this.state === 'ended') return;
        const entrant = { listener: this, since, resume, requestId: this.requestId };
        if (!audiences.admit(room_id, entrant)) this.end('unavailable', 'too many join this room at once');
      },
      (cause: unknown) => {
        // The cause may name a host, and is for the log.
        log.warn({ connection_id: this.id, cause: errorText(cause) }, 'connection: its room cannot be heard');
        this.end('unavailable', 'this room cannot be heard just now; come back in a moment');
      },
    );
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

  /** Whether a frame has become a command that will be answered. */
  private asks(text: string): boolean {
    const decoded = decodeFrame(text);
    if ('fault' in decoded) this.refuse('bad_request', decoded.fault, decoded.id);
    // Answered before the welcome, too: it is about the connection, not about the room.
    else if (decoded.frame.type === 'ping') this.socket.sendSoon(PONG_FRAME);
    else if (decoded.frame.type === 'refresh') this.refresh(decoded.frame.token);
    else if (this.state !== 'live') {
      const id = 'id' in decoded.frame ? decoded.frame.id : undefined;
      this.refuse('not_joined', 'wait for the welcome frame before you send', id);
    } else return this.act(decoded.frame, text.length);
    return false;
  }

  private act(frame: Exclude<ClientFrame, { type: 'ping' | 'refresh' }>, size: number): boolean {
    if (!this.mayPost) {
      this.refuse('forbidden', noRight('post', this.roomId), 'id' in frame ? frame.id : undefined);
      return false;
    }
    switch (frame.type) {
      case 'post':
        return this.post(frame.text, frame.id, size);
      case 'typing':
        this.typing();
        return false;
    }
  }

  /** Replaces the token. Who had the right to be here and has lost it is sent away. */
  private refresh(token: string): void {
    if (this.isRefreshing) {
      this.refuse('rate_limited', 'a refresh is under way; wait for its answer');
      return;
    }
    this.isRefreshing = true;
    void this.parts.access.identify(token).then((grant) => {
      this.isRefreshing = false;
      if (this.state === 'ended') return;
      if ('code' in grant) this.refuse(grant.code, grant.message);
      else this.refreshed(grant);
    });
  }

  private refreshed(grant: Grant): void {
    const { room_id } = this.hello;
    if (grant.user !== this.grant.user) {
      this.refuse('forbidden', 'this token is of another user; open a connection of its own with it');
      return;
    }
    const fault = rightFault(grant, 'join', room_id);
    if (fault !== null) {
      this.end(fault.code, fault.message);
      return;
    }
    this.parts.ends.remove(this, this.grant.endsAt);
    this.grant = grant;
    this.mayPost = may(grant, 'post', room_id);
    if (grant.endsAt !== Infinity) this.parts.ends.add(this, grant.endsAt);
    this.socket.sendSoon(refreshedFrame(grant.endsAt));
  }

  /**
   * Tells the room's home, best effort: nobody needs every `typing`, so none is kept on its way. What the home would drop,
   * because it comes too often, is not sent at all.
   */
  private typing(): void {
    const { broker, audiences, meter, typingLimit } = this.parts;
    const { room_id, user } = this.hello;
    const home = audiences.homeOf(room_id);
    if (home === null) meter.dropped('typing');
    else if (!typingLimit.passes(room_id, user)) meter.dropped('typing_too_often');
    else broker.say({ type: 'typing', room_id, user }, home);
  }

  private post(text: string, given: string | undefined, size: number): boolean {
    const { room_id, user } = this.hello;
    if (this.limits !== null) {
      const { clientLimits, clock } = this.parts;
      const tooMany = this.limits.post(clock.elapsed()) ?? clientLimits.postOf(user);
      if (tooMany !== null) {
        this.limit(tooMany, given);
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
      if (answer.type === 'posted') this.socket.sendAlong(ackFrame(id, answer.message.seq));
      else if (answer.type === 'queued') this.socket.sendSoon(queuedFrame(id));
      else if (answer.type === 'refused') this.refuse(answer.code, answer.message, id, answer.retry_after_ms);
      this.restartIfAnswered();
    });
    return true;
  }

  private finish(): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    if (this.grant.endsAt !== Infinity) this.parts.ends.remove(this, this.grant.endsAt);
    for (const text of this.mailbox.stop()) this.parts.admission.leave(text.length);
    this.parts.audiences.exit(this.roomId, this.id);
    this.parts.ended(this);
  }
}
