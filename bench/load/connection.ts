import type { Socket } from 'node:net';
import { endTurn, turnTime, type Crew } from './crew.js';
import { KIND } from './dialects.js';
import { frame, frameState, OPCODES, readFrames, textFrame, type FrameSink } from './frames.js';
import { record } from './latency.js';
import { findMarker, markedCount, markedPoster, markedTime } from './marker.js';
import { answer, userOf, type Poster } from './poster.js';
import { openSocket } from './socket.js';
import type { Seat } from './layout.js';
import { increase, type Tally } from './tally.js';
import { errorCode, replyKind, seqIn } from './texts.js';
import { note, type View } from './view.js';

/** Like somebody who has read the reason. */
const TRY_AGAIN_MS = 100;
const NEWLINE = 10;
const SPACE_FOR_REASON = 200;

interface Coming {
  resolve(): void;
  reject(cause: Error): void;
  step: number;
}

/** One connection of the load: it counts what it is sent, and if it has a view it reads it. */
export class Connection implements FrameSink {
  readonly letterAt: number;
  wanted: Uint8Array;
  socket: Socket | null = null;
  /** Messages since it was there first. */
  messages = 0;
  /** The seq up to which it has everything, as far as it looks; what its welcome said was there; what came after a gap. */
  lastSeq: number | null = null;
  headSeq = 0;
  gaps = 0;
  /** The server ended it once, or it was slow: what it misses is no fault. */
  exempt: boolean;
  private coming: Coming | null = null;
  private state = frameState();
  private closeCode = 'none';

  constructor(
    readonly seat: Seat,
    private readonly crew: Crew,
    private readonly tally: Tally,
    readonly poster: Poster | null,
    readonly view: View | null,
    private readonly closedLoop: boolean,
  ) {
    this.letterAt = crew.dialect.letterAt;
    this.exempt = seat.role === 'slow';
    this.wanted = crew.wants.coming;
  }

  get isIn(): boolean {
    return this.socket !== null && this.coming === null;
  }

  private get tracks(): boolean {
    return this.crew.tracking || this.seat.role === 'slow';
  }

  /** Resolves when it is in. */
  open(from: string, since: number | null): Promise<void> {
    const { crew, seat } = this;
    this.state = frameState();
    this.wanted = crew.wants.coming;
    this.gaps = 0;
    return new Promise((resolve, reject) => {
      this.coming = { resolve, reject, step: 0 };
      const socket = openSocket({
        port: seat.port,
        path: crew.dialect.path(seat.room.id, userOf(seat), since),
        from,
        onOpen: () => this.say(),
        onBytes: (chunk, length) => {
          readFrames(this.state, this, chunk, length);
          endTurn(crew);
        },
        onEnd: (cause) => {
          if (this.socket === socket) this.over(cause);
        },
      });
      this.socket = socket;
    });
  }

  /** Ends it without a goodbye. */
  drop(): void {
    const { socket } = this;
    this.socket = null;
    socket?.resetAndDestroy();
  }

  /** Whether messages are read, or counted only. */
  attend(): void {
    const { wants } = this.crew;
    if (this.tracks) this.wanted = wants.coming;
    else this.wanted = this.view ? wants.reading : wants.counting;
  }

  /** One more post at the end of this turn, planned for `time`. */
  post(time: number): void {
    if (!this.poster || !this.isIn) return;
    if (this.poster.due.push(time) === 1) this.crew.due.push(this);
  }

  onFrame(letter: number): void {
    this.heard(this.crew.kinds[letter] as number);
  }

  onPayload(opcode: number, letter: number, bytes: Buffer, from: number, to: number): void {
    if (opcode === OPCODES.close) this.goodbye(bytes, from, to);
    else if (opcode === OPCODES.ping)
      this.socket?.write(frame(OPCODES.pong, Buffer.from(bytes.subarray(from, to))));
    else if (opcode === OPCODES.pong) return;
    else if (this.crew.dialect.lines) this.lines(bytes, from, to);
    else this.text(letter, bytes, from, to);
  }

  private lines(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to;) {
      const next = bytes.subarray(at, to).indexOf(NEWLINE);
      const end = next < 0 ? to : at + next;
      const letter = this.letterAt < end - at ? (bytes[at + this.letterAt] as number) : 0;
      if (end > at) this.text(letter, bytes, at, end);
      at = end + 1;
    }
  }

  private text(letter: number, bytes: Buffer, from: number, to: number): void {
    if (this.coming) {
      this.enter(bytes.toString('utf8', from, to));
      return;
    }
    const letterKind = this.crew.kinds[letter] as number;
    const kind = letterKind === KIND.reply ? replyKind(bytes, from) : letterKind;
    if (kind === KIND.error) this.refusal(bytes.toString('utf8', from, to));
    else if (kind === KIND.ping) this.pong(bytes.toString('utf8', from, to));
    else this.heard(kind);
    if (this.tracks && kind !== KIND.ack) this.track(bytes.toString('utf8', from, to));
    if (this.view && kind === KIND.message) this.read(this.view, bytes, from, to);
  }

  private heard(kind: number): void {
    const { tally, crew } = this;
    if (kind === KIND.message) {
      this.messages++;
      tally.deliveries++;
      crew.arrived = turnTime(crew);
    } else if (kind === KIND.ack) this.acked();
    else if (kind === KIND.queued) {
      increase(tally.refused, 'queued');
      if (this.poster && answer(this.poster) !== undefined) this.poster.queued++;
    } else tally.others++;
  }

  private read(view: View, bytes: Buffer, from: number, to: number): void {
    const at = findMarker(bytes, from, to, this.crew.dialect.tail);
    if (at < 0) {
      view.foreign++;
      return;
    }
    const seat = markedPoster(bytes, at);
    const isNew = note(view, seat - this.seat.room.firstSeat, markedCount(bytes, at));
    if (!isNew) return;
    const { crew } = this;
    const time = markedTime(bytes, at);
    if (time >= crew.window.begin && time < crew.window.end)
      record(this.tally.delivery, turnTime(crew) - time);
    if (seat === this.seat.index && this.closedLoop && crew.posting) this.post(turnTime(crew));
  }

  private acked(): void {
    const { tally, poster, crew } = this;
    tally.acks++;
    crew.arrived = turnTime(crew);
    if (!poster) return;
    poster.acked++;
    const time = answer(poster);
    if (time !== undefined && time >= crew.window.begin && time < crew.window.end)
      record(tally.ack, turnTime(crew) - time);
  }

  private refusal(text: string): void {
    const { poster, crew } = this;
    crew.arrived = turnTime(crew);
    increase(this.tally.refused, errorCode(text));
    if (!poster) return;
    const waited = answer(poster) !== undefined;
    // Otherwise it is about something else.
    if (crew.dialect.acks === 'always' && !waited) return;
    poster.refused++;
    if (!this.closedLoop) return;
    setTimeout(() => {
      if (!crew.posting) return;
      this.post(turnTime(crew));
      endTurn(crew);
    }, TRY_AGAIN_MS);
  }

  private track(text: string): void {
    const seq = seqIn(text, 'seq');
    if (seq === null) return;
    if (seq !== (this.lastSeq ?? 0) + 1) this.gaps++;
    this.lastSeq = seq;
  }

  private pong(text: string): void {
    const { ping } = this.crew.dialect;
    if (ping?.hear === text) this.socket?.write(textFrame(ping.say));
  }

  private say(): void {
    const { coming, crew, seat } = this;
    if (!coming) return;
    const step = crew.dialect.steps(seat.room.id)[coming.step];
    if (!step) this.settle();
    else if (step.say !== null) this.socket?.write(textFrame(step.say));
  }

  private enter(text: string): void {
    const { coming, crew, seat } = this;
    const { dialect } = crew;
    const step = dialect.steps(seat.room.id)[coming?.step ?? 0];
    if (!coming || !step) return;
    if (text.startsWith(step.hear)) {
      this.headSeq = seqIn(text, 'head_seq') ?? 0;
      this.lastSeq ??= this.headSeq;
      coming.step++;
      this.say();
    } else if (dialect.refusals.some((refusal) => text.startsWith(refusal)))
      this.fail(new Error(text.slice(0, SPACE_FOR_REASON)));
    else this.pong(text);
  }

  private settle(): void {
    const { coming } = this;
    this.coming = null;
    this.attend();
    coming?.resolve();
  }

  private fail(cause: Error): void {
    const { coming, seat } = this;
    this.coming = null;
    coming?.reject(new Error(`${seat.room.id}, ${userOf(seat)}: ${cause.message}`));
    this.drop();
  }

  private goodbye(bytes: Buffer, from: number, to: number): void {
    this.closeCode = to - from >= 2 ? String(bytes.readUInt16BE(from)) : '1005';
    this.socket?.end(frame(OPCODES.close, Buffer.from(bytes.subarray(from, Math.min(to, from + 2)))));
  }

  private over(cause: Error | null): void {
    if (this.coming) {
      this.fail(cause ?? new Error(`the server ended it (close code: ${this.closeCode})`));
      return;
    }
    this.socket = null;
    this.exempt = true;
    increase(this.tally.closed, this.closeCode);
  }
}
