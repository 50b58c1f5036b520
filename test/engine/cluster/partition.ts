import { notDelivered, type Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import type { Delivery } from '../../../engine/ports.js';
import { stale, type Carrier, type HomeSession, type Peer, type Queue, type Request } from './parts.js';

/** A command in the broker, until its room is done with it. */
interface Entry {
  readonly command: Command;
  readonly sender: Peer;
  readonly request: Request;
  state: 'queued' | 'handed' | 'again' | 'decided';
  redelivered: boolean;
  /** How often it was given back for a reason that does not pass by itself. */
  attempts: number;
}

const PAUSE = { first: 100, most: 5_000 };
/** After so many failed attempts a command is given up, if others succeed meanwhile. */
const ATTEMPTS = 5;

/** The commands of some rooms, in order, and the one node that is their home now. Durable: it outlives its homes. */
export class Partition implements Queue {
  home: Peer | null = null;
  session: HomeSession | null = null;
  /** When the session began, ms. */
  beganAt = 0;
  private entries: Entry[] = [];
  private draining: (() => void) | null = null;
  private readonly pauses = new Map<string, { ms: number; cancel: (() => void) | null }>();
  private settledInAll = 0;

  constructor(
    readonly index: number,
    private readonly network: Carrier,
  ) {}

  get depth(): number {
    return this.entries.length;
  }

  add(command: Command, sender: Peer, request: Request): void {
    this.entries.push({
      command,
      sender,
      request,
      state: 'queued',
      redelivered: command.again === true,
      attempts: 0,
    });
    this.pump();
  }

  /** From now on this node is the home. */
  begin(home: Peer): void {
    home.tellOfEndedSessions();
    this.home = home;
    this.session = { isCurrent: true, mayFollowAnother: true, ended: false };
    this.beganAt = this.network.clock.elapsed();
    this.pump();
  }

  /** The home is it no more; what it had not finished is delivered again, in order. The session, or null. */
  end(): HomeSession | null {
    const { session, home } = this;
    this.draining = null;
    if (!session || !home) return null;
    session.isCurrent = false;
    session.ended = true;
    this.session = null;
    this.home = null;
    this.network.wire.drop(`home ${this.index}.`);
    for (const { cancel } of this.pauses.values()) cancel?.();
    this.pauses.clear();
    for (const entry of this.entries) {
      if (entry.state !== 'queued') entry.redelivered = true;
      entry.state = 'queued';
    }
    return session;
  }

  /** No more is handed to the home; calls once when it has finished what it has. */
  drain(drained: () => void): void {
    this.draining = drained;
    this.drained();
  }

  pump(): void {
    const { session, home } = this;
    if (!session || home?.link !== 'up' || this.draining) return;
    const blocked = new Set<string>();
    for (const entry of this.entries) {
      if (entry.state === 'again') blocked.add(entry.command.room_id);
      if (entry.state === 'queued' && !blocked.has(entry.command.room_id)) this.hand(entry, session, home);
    }
  }

  private hand(entry: Entry, session: HomeSession, home: Peer): void {
    entry.state = 'handed';
    const delivery = this.deliveryOf(entry, session, home);
    this.network.wire.send(
      `home ${this.index}.`,
      home.delay('commands'),
      () => {
        this.network.note(
          `    n${home.index} gets ${entry.command.type}${entry.redelivered ? ' again' : ''} of n${entry.sender.index}`,
        );
        this.network.heardFrom(entry.sender, home);
        home.deliver(delivery);
      },
      () => home.link === 'silent',
    );
  }

  private deliveryOf(entry: Entry, session: HomeSession, home: Peer): Delivery {
    const { command, redelivered } = entry;
    const isOpen = (): boolean => !session.ended && entry.state === 'handed';
    const entries = (): readonly Entry[] => this.entries;
    const decide = (how: string): boolean => {
      if (!session.ended && entry.state !== 'handed') this.network.fault(`a delivery was ${how} twice`);
      return isOpen();
    };
    return {
      command: redelivered ? stale(command) : command,
      session,
      redelivered,
      get mustWait() {
        return isOpen() && entries().some((one) => isBefore(one, entry, entries()));
      },
      settle: (answer, published) => {
        if (decide('settled')) this.settled(entry, session, home, answer, published);
      },
      retry: (reason, passing = false) => {
        this.network.note(`    n${home.index} gives ${entry.command.type} back: ${reason}`);
        if (decide('given back')) this.retried(entry, session, home, passing);
      },
    };
  }

  private settled(
    entry: Entry,
    session: HomeSession,
    home: Peer,
    answer: Answer,
    published?: Promise<void>,
  ): void {
    entry.state = 'decided';
    this.network.note(
      `    n${home.index} settles ${entry.command.type} with ${JSON.stringify(answer).slice(0, 120)}`,
    );
    this.settledInAll++;
    this.pauses.get(entry.command.room_id)?.cancel?.();
    this.pauses.delete(entry.command.room_id);
    this.network.answer(home, entry.sender, entry.request, answer);
    const forget = (): void => {
      if (session.ended) return;
      if (home.link === 'silent') home.unconfirmed.push(forget);
      else this.forget(entry);
    };
    if (published) published.then(forget, forget);
    else forget();
    this.goOn(entry.command.room_id, session);
  }

  private retried(entry: Entry, session: HomeSession, home: Peer, passing: boolean): void {
    entry.state = 'again';
    entry.redelivered = true;
    if (!passing && ++entry.attempts >= ATTEMPTS && this.settledInAll > 0) {
      this.network.buried.push(entry.command);
      const refusal = { code: 'unavailable', message: 'given up after some attempts' } as const;
      this.network.answer(home, entry.sender, entry.request, notDelivered('no', refusal));
      this.forget(entry);
    }
    this.goOn(entry.command.room_id, session);
  }

  /** When all commands of the room that were handed out are decided, those given back are handed out after a pause. */
  private goOn(room: string, session: HomeSession): void {
    const ofRoom = this.entries.filter(({ command }) => command.room_id === room);
    const again = ofRoom.filter(({ state }) => state === 'again');
    if (again.length === 0 || ofRoom.some(({ state }) => state === 'handed')) return;
    const before = this.pauses.get(room);
    if (before?.cancel) return;
    const ms = Math.min(PAUSE.most, before ? before.ms * 2 : PAUSE.first);
    const cancel = this.network.clock.after(ms, () => {
      this.pauses.set(room, { ms, cancel: null });
      if (session.ended) return;
      for (const entry of this.entries)
        if (entry.command.room_id === room && entry.state === 'again') entry.state = 'queued';
      this.pump();
      this.drained();
    });
    this.pauses.set(room, { ms, cancel });
  }

  private forget(entry: Entry): void {
    this.entries = this.entries.filter((one) => one !== entry);
    this.drained();
  }

  private drained(): void {
    const { draining } = this;
    if (!draining || this.entries.some(({ state }) => state === 'handed' || state === 'decided')) return;
    this.draining = null;
    draining();
  }
}

/** Whether `one` is to be tried again and stood before `entry` in the same room. */
function isBefore(one: Entry, entry: Entry, entries: readonly Entry[]): boolean {
  return (
    one.state === 'again' &&
    one.command.room_id === entry.command.room_id &&
    entries.indexOf(one) < entries.indexOf(entry)
  );
}
