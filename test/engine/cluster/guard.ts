import type { DurableEvent, RoomEvent } from '../../../engine/messages/events.js';
import type { ServerFrame } from '../../../engine/messages/frames.js';
import type { Policy } from '../../../engine/messages/policy.js';
import type { Append, AppendResult } from '../../../engine/ports.js';
import type { ManualClock } from '../../support/clock.js';
import type { Client } from '../../support/engine.js';
import { Forfeits } from './forfeits.js';
import type { Network } from './network.js';
import type { Peer } from './parts.js';
import type { Seen } from './seen.js';

/** Watches all that clients are told, rooms publish and the store takes, and says what must not be. */
export class Guard {
  readonly faults: string[] = [];
  readonly seen = new Map<Client, Seen>();
  /** What is in the store, by room; the event with seq n at n - 1. */
  readonly log = new Map<string, DurableEvent[]>();
  private readonly forfeits: Forfeits;
  private count = 0;

  constructor(
    private readonly clock: ManualClock,
    private readonly network: () => Network,
    private readonly policyOf: (room: string) => Policy,
    readonly trace: (line: string) => void,
  ) {
    this.forfeits = new Forfeits(clock, network, policyOf);
  }

  fault(text: string): void {
    const line = `${this.clock.elapsed()} ms: ${text}`;
    this.trace(`FAULT ${line}`);
    if (this.faults.length < 20) this.faults.push(line);
  }

  eventsOf(room: string): readonly DurableEvent[] {
    return this.log.get(room) ?? [];
  }

  /* Connections. */

  opened(client: Client, endpoint: Peer, room: string, since: number | null): void {
    this.seen.set(client, {
      client,
      endpoint,
      room,
      user: client.user,
      since,
      openedAs: ++this.count,
      welcomedAs: Infinity,
      welcomedAt: null,
      last: 0,
      roster: new Set(),
      inDoubt: false,
      forfeit: false,
    });
  }

  inRoom(room: string): Seen[] {
    return [...this.seen.values()].filter((one) => one.room === room && one.client.isOpen);
  }

  /** Whether this connection must have its seat now. */
  isSeated(one: Seen): boolean {
    return one.client.isOpen && one.welcomedAt !== null && !this.isPutOut(one) && !this.isForfeit(one);
  }

  /** Whether the store says that the connection is to be ended: kicked, or the room was closed. */
  isPutOut({ room, user, welcomedAt }: Seen): boolean {
    return this.eventsOf(room)
      .slice(welcomedAt ?? 0)
      .some(
        (event) =>
          (event.type === 'member_kicked' && event.user === user) ||
          (event.type === 'room_closed' && event.reason === 'deleted'),
      );
  }

  private isForfeit(one: Seen): boolean {
    one.forfeit ||= this.forfeits.isForfeit(one, this.inRoom(one.room));
    return one.forfeit;
  }

  seatedConnections(room: string): Set<Seen> {
    return new Set(this.inRoom(room).filter((one) => this.isSeated(one)));
  }

  /** Users who must have a seat now. */
  seatedUsers(room: string): Set<string> {
    return new Set([...this.seatedConnections(room)].map(({ user }) => user));
  }

  /** The link of this node changes: what was told until now is judged before. */
  linkChanges(endpoint: Peer): void {
    for (const one of this.seen.values()) {
      if (!one.client.isOpen) continue;
      // Those of other nodes, too: whether a seat may be lost depends on who can tell of it.
      this.isForfeit(one);
      if (one.endpoint === endpoint) one.inDoubt = true;
    }
  }

  ending(client: Client, code: number): void {
    const one = this.seen.get(client);
    if (!one || code !== 4409) return;
    // Who has no seat yet may be refused, and be given one with the next attempt before that is heard.
    const isOther = (other: Seen): boolean =>
      other.user === one.user && other.welcomedAs < one.openedAs && this.isSeated(other);
    if (this.isSeated(one) || (one.welcomedAt === null && this.inRoom(one.room).some(isOther)))
      this.fault(`${one.user} has a seat in ${one.room}, and is told that the room is full`);
  }

  /* Frames. */

  told(client: Client, frame: ServerFrame): void {
    const one = this.seen.get(client);
    if (!one) return;
    if (frame.type === 'welcome') this.welcomed(one, frame);
    else if (frame.type === 'error') this.refused(one, frame.code);
    else if (frame.type === 'ack') this.acked(one.room, frame.id, frame.seq);
    else if ('seq' in frame) this.hasSeq(one, frame.seq);
    this.roster(one, frame);
  }

  private welcomed(one: Seen, frame: Extract<ServerFrame, { type: 'welcome' }>): void {
    one.welcomedAs = ++this.count;
    one.welcomedAt = frame.head_seq;
    one.last = frame.recovered === true ? (one.since ?? 0) : frame.head_seq;
    one.inDoubt = false;
    const { capacity } = this.policyOf(one.room);
    if (capacity === null) return;
    const users = this.seatedUsers(one.room);
    if (users.size > capacity)
      this.fault(`${[...users].join(', ')} are connected in ${one.room}, which has ${capacity} seats`);
  }

  private roster(one: Seen, frame: ServerFrame): void {
    const { roster } = one;
    if (frame.type === 'welcome' || frame.type === 'members') {
      one.roster = new Set(frame.members);
      one.inDoubt = false;
    } else if (frame.type === 'joined') roster.add(frame.user);
    else if (frame.type === 'left') roster.delete(frame.user);
    // What happened before the welcome is history, and the list in the welcome knows of it.
    else if (frame.type === 'member_kicked' && frame.seq > (one.welcomedAt ?? 0)) roster.delete(frame.user);
    else return;
    const { capacity } = this.policyOf(one.room);
    if (capacity !== null && one.roster.size > capacity && !one.inDoubt && this.isSeated(one))
      this.fault(
        `${one.user} is told of members ${[...one.roster].join(', ')} in ${one.room}, of ${capacity} seats`,
      );
  }

  private hasSeq(one: Seen, seq: number): void {
    if (seq <= one.last) this.fault(`${one.user} in ${one.room} is told ${seq} after ${one.last}`);
    const skipped = this.eventsOf(one.room).slice(one.last, seq - 1);
    if (skipped.some((event) => !isQuiet(event)))
      this.fault(`${one.user} in ${one.room} is told ${seq} after ${one.last}: a gap`);
    if (this.eventsOf(one.room).length < seq)
      this.fault(`${seq} in ${one.room} is told, and not in the store`);
    one.last = Math.max(one.last, seq);
  }

  private refused(one: Seen, code: string): void {
    if (code === 'forbidden' && this.isSeated(one))
      this.fault(`${one.user} has a seat in ${one.room}, and may not post`);
  }

  acked(room: string, id: string, seq: number): void {
    if (this.eventsOf(room)[seq - 1]?.event_id !== id)
      this.fault(`a post was acknowledged as ${seq} in ${room}, and is not there in the store`);
  }

  /* Rooms. */

  published(from: Peer, events: readonly RoomEvent[]): void {
    for (const event of events) {
      this.trace(
        `n${from.index} publishes ${event.type} ${'user' in event ? (event.user ?? '') : ''} ${event.room_id}${'members_version' in event ? ` v${event.members_version}` : ''}`,
      );
      this.members(from, event);
    }
  }

  private members(from: Peer, event: RoomEvent): void {
    if (event.type !== 'member_left' && event.type !== 'member_joined' && event.type !== 'members') return;
    if (!this.isHome(from, event.room_id))
      this.fault(`${event.type} in ${event.room_id} is published by a node that is not the home`);
    // Before the event is noted: it may tell of the user of a seat that was lost until now.
    for (const one of this.inRoom(event.room_id)) if (one.endpoint.outSince !== null) this.isForfeit(one);
    if (event.type === 'member_joined') {
      this.forfeits.told(event);
      return;
    }
    const seated = this.seatedUsers(event.room_id);
    if (event.type === 'member_left' && seated.has(event.user))
      this.fault(`${event.user} has a seat in ${event.room_id}, and is said to have left`);
    this.forfeits.told(event);
    if (event.type !== 'members' || event.members.length < event.member_count) return;
    for (const user of seated)
      if (!event.members.includes(user))
        this.fault(`${user} has a seat in ${event.room_id}, and is not among the members that are told`);
  }

  private isHome(node: Peer, room: string): boolean {
    const { home, session } = this.network().partitionOf(room);
    return home === node && session?.isCurrent === true;
  }

  /** Before anybody is told of it. */
  appended(from: Peer, appends: readonly Append[], results: readonly AppendResult[]): void {
    for (const [i, { room, events }] of appends.entries()) {
      this.trace(
        `append ${room.room_id} ${events.map(({ type, seq }) => `${seq} ${type}`).join(', ')}: ${results[i] ?? ''}`,
      );
      if (results[i] !== 'committed') continue;
      const log = this.log.get(room.room_id) ?? [];
      this.log.set(room.room_id, log);
      for (const event of events) {
        this.decided(from, event);
        log.push(event);
      }
    }
  }

  private decided(from: Peer, event: DurableEvent): void {
    // What the home before has decided may be stored after somebody has joined: the room is open again then (rest.ts).
    const isEmpty =
      event.type === 'room_closed' && event.reason === 'empty' && this.isHome(from, event.room_id);
    if (!isEmpty && !isQuiet(event)) return;
    const seated = this.seatedUsers(event.room_id);
    const names = [...seated].join(', ');
    if (isEmpty && seated.size > 0)
      this.fault(`${names} in ${event.room_id}, which closes as if nobody were there`);
    if (isQuiet(event) && seated.size > 1)
      this.fault(`${names} are in ${event.room_id}, and a message is not delivered`);
  }
}

export function isQuiet(event: DurableEvent): boolean {
  return event.type === 'message_posted' && event.quiet === true;
}
