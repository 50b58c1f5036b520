import { OVERLOADED, type Admission } from './admission.js';
import type { AudienceMessage } from './audience.js';
import type { Audiences } from './audiences.js';
import { ackFrame, decodeFrame, errorFrame, idOfFrame, queuedFrame, refusalFrames } from './codec.js';
import { CLOSE_SERVICE_RESTART, ERRORS, errorText, type ErrorCode } from './errors.js';
import type { Listener } from './listener.js';
import type { Dispatcher } from './dispatcher.js';
import { Mailbox, type Behaviour } from './mailbox.js';
import type { Answer } from './messages/answers.js';
import type { Command, JoinCommand, PostCommand } from './messages/commands.js';
import type { ClientFrame } from './messages/frames.js';
import type { Broker, Clock, Log, Meter, Socket } from './ports.js';

export interface ConnectionParts {
  readonly nodeId: string;
  readonly broker: Broker;
  readonly audiences: Audiences;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly newId: () => string;
  /** Called once, when the connection has ended and its seat is being given back. */
  readonly ended: (connection: ConnectionActor) => void;
  /** Whether the node goes down: what fails now is not tried again. */
  readonly stopping: () => boolean;
}

/** Who wants to be where. Already checked. */
export interface Hello {
  readonly room_id: string;
  readonly user: string;
  readonly since: number | null;
  /** The caller's own, or null: then the connection's id stands for it. */
  readonly request_id: string | null;
}

/** `joined`: the room has answered the join. */
type ConnectionMessage = string | { readonly type: 'joined'; readonly answer: Answer };

/**
 * Frames that may wait in a connection, and posts of it that may be under way: beyond it, `rate_limited`. Few a turn:
 * what one connection says at once must not stand before all that the others say (bench/NOTES.md).
 */
const LIMITS = { limit: 1_024, batch: 8 };
const overloadedFrame = refusalFrames(OVERLOADED);
const LEAVE_RETRY_MS = 1_000;
/** Refusals that do not come from the room's own decision: the join may be carried out all the same. */
const MAYBE: ReadonlySet<ErrorCode> = new Set(['unavailable', 'internal', 'rate_limited']);

/** One WebSocket: turns frames into commands, and answers into frames. */
export class ConnectionActor implements Behaviour<ConnectionMessage>, Listener {
  private readonly mailbox: Mailbox<ConnectionMessage>;
  private state: 'joining' | 'catching_up' | 'live' | 'ended' = 'joining';
  private seat: 'none' | 'asked' | 'held' = 'none';
  private underWay = 0;

  constructor(
    readonly id: string,
    dispatcher: Dispatcher,
    private readonly hello: Hello,
    private readonly socket: Socket,
    private readonly parts: ConnectionParts,
  ) {
    this.mailbox = new Mailbox<ConnectionMessage>(dispatcher, LIMITS, this);
    this.join();
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
    const { admission, meter } = this.parts;
    if (!admission.enter(text.length)) {
      meter.refused(OVERLOADED.code);
      // Acks are on their way to most of those who ask for too much: one write for both.
      this.socket.sendAlong(overloadedFrame(idOfFrame(text)));
      return;
    }
    if (this.mailbox.tell(text)) return;
    admission.leave(text.length);
    this.refuse(
      'rate_limited',
      'too many frames at once; wait for the acks of those you sent',
      idOfFrame(text),
    );
  }

  /** Something from the client that is no text frame of ours; it is told, and nothing else happens. */
  refuse(code: ErrorCode, message: string, id?: string): void {
    this.parts.meter.refused(code);
    this.socket.sendSoon(errorFrame(code, message, id));
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

  admitted(): void {
    if (this.state === 'catching_up') this.state = 'live';
  }

  end(code: ErrorCode, message: string): void {
    if (this.state === 'ended') return;
    this.refuse(code, message);
    this.socket.end(ERRORS[code].close, code);
    this.finish();
  }

  /** The node goes down: the client should come back, to this node or another. */
  restart(): void {
    if (this.state === 'ended') return;
    this.socket.end(CLOSE_SERVICE_RESTART, 'service_restart');
    this.finish();
  }

  receive(message: ConnectionMessage): void {
    if (this.state === 'ended') return;
    if (typeof message === 'string') this.read(message);
    else this.entered(message.answer);
  }

  crashed(cause: unknown): 'resume' {
    this.parts.meter.crashed('connection');
    this.parts.log.error({ connection_id: this.id, cause: errorText(cause) }, 'connection: a crash ends it');
    try {
      this.end('internal', 'the connection failed; come back');
    } catch {
      // Its socket is what fails: then the client cannot be told.
      this.finish();
    }
    return 'resume';
  }

  /** Answers come in the turn of whoever gives them, and a crash here is no business of theirs. */
  private ask(command: Command, onAnswer: (answer: Answer) => void): void {
    this.parts.broker.request(command, (answer) => {
      try {
        onAnswer(answer);
      } catch (cause) {
        this.crashed(cause);
      }
    });
  }

  private join(): void {
    const { room_id, user } = this.hello;
    const { audiences, nodeId } = this.parts;
    const command: JoinCommand = {
      type: 'join',
      room_id,
      user,
      connection_id: this.id,
      node_id: nodeId,
      request_id: this.requestId,
    };
    audiences.enter(room_id).then(
      () => {
        if (this.state === 'ended') return;
        if (!audiences.tell(room_id, { type: 'expect', id: this.id })) {
          this.end('unavailable', 'too many join this room at once');
          return;
        }
        this.seat = 'asked';
        this.ask(command, (answer) => this.answered(answer));
      },
      (cause: unknown) => this.end('unavailable', errorText(cause)),
    );
  }

  private answered(answer: Answer): void {
    // A join that is queued will be carried out, and one that is not answered by its room may be: then there is a
    // seat to give back.
    this.seat = answer.type === 'refused' && !MAYBE.has(answer.code) ? 'none' : 'held';
    if (this.state === 'ended') this.leave();
    else if (!this.mailbox.tell({ type: 'joined', answer }))
      this.end('rate_limited', 'too many frames before welcome');
  }

  private entered(answer: Answer): void {
    if (answer.type === 'joined') {
      this.state = 'catching_up';
      const admit: AudienceMessage = {
        type: 'admit',
        listener: this,
        room: answer.room,
        since: this.hello.since,
      };
      if (!this.parts.audiences.tell(this.roomId, admit))
        this.end('unavailable', 'too many join this room at once');
      return;
    }
    if (answer.type === 'refused') this.end(answer.code, answer.message);
    else this.end('unavailable', 'the room did not answer in time; come back in a moment');
  }

  private read(text: string): void {
    let asks = false;
    try {
      asks = this.asks(text);
    } finally {
      // Else its place is given back with its answer.
      if (!asks) this.parts.admission.leave(text.length);
    }
  }

  /** Whether a frame has become a command that will be answered. */
  private asks(text: string): boolean {
    const decoded = decodeFrame(text);
    if ('fault' in decoded) this.refuse('bad_request', decoded.fault, decoded.id);
    else if (this.state !== 'live') {
      const id = 'id' in decoded.frame ? decoded.frame.id : undefined;
      this.refuse('not_joined', 'wait for the welcome frame before you send', id);
    } else return this.act(decoded.frame, text.length);
    return false;
  }

  private act(frame: ClientFrame, size: number): boolean {
    const { room_id, user } = this.hello;
    switch (frame.type) {
      case 'post':
        return this.post(frame.text, frame.id, size);
      case 'typing':
        this.ask({ type: 'typing', room_id, user, request_id: this.requestId }, (answer) => {
          this.parts.admission.leave(size);
          if (answer.type === 'refused') this.refuse(answer.code, answer.message);
        });
        return true;
    }
  }

  private post(text: string, given: string | undefined, size: number): boolean {
    if (this.underWay >= LIMITS.limit) {
      this.refuse('rate_limited', 'too many posts without an ack; wait for some', given);
      return false;
    }
    const { room_id, user } = this.hello;
    const id = given ?? this.parts.newId();
    this.underWay++;
    // Telling the client touches nothing of the actor's but a counter, so it takes no turn of its own.
    const command: PostCommand = { type: 'post', room_id, id, user, text, request_id: this.requestId };
    if (given === undefined) command.fresh = true;
    this.ask(command, (answer) => {
      this.underWay--;
      this.parts.admission.leave(size);
      // Its own message comes to it, too, a little later.
      if (answer.type === 'posted') this.socket.sendAlong(ackFrame(id, answer.message.seq));
      else if (answer.type === 'queued') this.socket.sendSoon(queuedFrame(id));
      else if (answer.type === 'refused') this.refuse(answer.code, answer.message, id);
    });
    return true;
  }

  private finish(): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    for (const message of this.mailbox.stop())
      if (typeof message === 'string') this.parts.admission.leave(message.length);
    this.parts.audiences.tell(this.roomId, { type: 'remove', id: this.id });
    this.parts.audiences.exit(this.roomId);
    this.leave();
    this.parts.ended(this);
  }

  /** A seat that is not given back would be lost to the room for ever, so it is tried while the node lives. */
  private leave(): void {
    if (this.seat === 'none') return;
    const { room_id, user } = this.hello;
    this.parts.broker.request({ type: 'leave', room_id, user, connection_id: this.id }, (answer) => {
      if (answer.type === 'refused' && ERRORS[answer.code].retry && !this.parts.stopping()) {
        this.parts.clock.after(LEAVE_RETRY_MS, () => this.leave());
      }
    });
  }
}
