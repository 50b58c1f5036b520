import fc from 'fast-check';
import type { Answer, Attempt, Entry, History, Member, Session } from './history.js';
import { SEATING, seatings } from './simulate-seats.js';

/** How a post ends that is dealt with while its connection stands. */
const FATES = [
  'posted',
  'posted',
  'posted',
  'queued',
  'unavailable',
  'unavailable but stored',
  'forbidden',
] as const;
type Fate = (typeof FATES)[number];

type Step =
  | { readonly do: 'post'; readonly who: number; readonly fate: Fate }
  /** Several posts at once, and the connection dies before they are answered; the first `kept` are stored. */
  | { readonly do: 'cut'; readonly who: number; readonly posts: number; readonly kept: number }
  | { readonly do: 'retry'; readonly who: number; readonly which: number; readonly changed: boolean }
  | { readonly do: 'fact'; readonly room: number }
  | { readonly do: 'deliver'; readonly who: number; readonly count: number }
  | { readonly do: 'reconnect'; readonly who: number; readonly how: 'since' | 'anew' | 'not recovered' }
  /** Every connection ends, and what was not delivered has to be asked for. */
  | { readonly do: 'crash' };

interface Person {
  readonly member: Member;
  readonly room: string;
  /** The seq it was shown last, or from which it has been listening. */
  at: number;
  /** Counts the connections: each has a name of its own. */
  line: number;
  connected: boolean;
}

const ROOMS = ['a', 'b'] as const;
const PEOPLE = 3;

const who = fc.nat({ max: ROOMS.length * PEOPLE - 1 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('post' as const), who, fate: fc.constantFrom(...FATES) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      who,
      posts: fc.integer({ min: 1, max: 3 }),
      kept: fc.nat({ max: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('retry' as const), who, which: fc.nat(), changed: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fact' as const), room: fc.nat({ max: 1 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), who, count: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('reconnect' as const),
      who,
      how: fc.constantFrom('since' as const, 'since' as const, 'anew' as const, 'not recovered' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
);

/** Histories of rooms that keep every promise, over retries, crashes, refusals and reconnects. */
export const histories: fc.Arbitrary<History> = fc
  .tuple(fc.array(steps, { minLength: 10, maxLength: 60 }), seatings)
  .map(([script, seated]) => ({ ...new World().play(script), ...seated }));

class World {
  private readonly attempts: Attempt[] = [];
  private readonly entries = new Map<string, Entry[]>(ROOMS.map((room) => [room, []]));
  private readonly people: Person[];

  constructor() {
    this.people = ROOMS.flatMap((room) =>
      Array.from({ length: PEOPLE }, (_, i) => {
        const member: Member = { room_id: room, name: `${room}${i}`, sessions: [], stayed: i > 0 };
        const person = { member, room, at: 0, line: 0, connected: false };
        return person;
      }),
    );
  }

  play(script: readonly Step[]): Pick<History, 'attempts' | 'members' | 'rooms'> {
    for (const step of script) this.take(step);
    for (const person of this.people.filter(({ member }) => member.stayed)) {
      this.connect(person, 'since');
      this.deliver(person, Infinity);
    }
    return {
      attempts: this.attempts,
      members: this.people.map(({ member }) => member),
      rooms: ROOMS.map((room_id) => ({
        room_id,
        head_seq: this.stored(room_id).length,
        entries: this.stored(room_id),
        ...SEATING[room_id],
      })),
    };
  }

  private take(step: Step): void {
    switch (step.do) {
      case 'post':
        this.post(this.person(step.who), step.fate);
        return;
      case 'cut':
        this.cut(this.person(step.who), step.posts, step.kept);
        return;
      case 'retry':
        this.retry(this.person(step.who), step.which, step.changed);
        return;
      case 'fact': {
        const entries = this.stored(ROOMS[step.room] ?? '');
        entries.push({ seq: entries.length + 1, type: 'policy_changed', message: null });
        return;
      }
      case 'deliver':
        this.deliver(this.person(step.who), step.count);
        return;
      case 'reconnect':
        this.person(step.who).connected = false;
        this.connect(this.person(step.who), step.how);
        return;
      case 'crash':
        for (const person of this.people) person.connected = false;
    }
  }

  private post(person: Person, fate: Fate): void {
    this.connect(person, 'since');
    const id = `m${this.attempts.length}`;
    const isStored = fate !== 'unavailable' && fate !== 'forbidden';
    const seq = isStored ? this.store(person.room, { id, user: person.member.name, text: `text ${id}` }) : 0;
    this.note(person, id, `text ${id}`, answerOf(fate, seq));
  }

  private cut(person: Person, posts: number, kept: number): void {
    this.connect(person, 'since');
    for (let i = 0; i < posts; i++) {
      const id = `m${this.attempts.length}`;
      if (i < kept) this.store(person.room, { id, user: person.member.name, text: `text ${id}` });
      this.note(person, id, `text ${id}`, { type: 'none' });
    }
    person.connected = false;
  }

  /** The same id again, perhaps with another text: whichever was stored first decides. */
  private retry(person: Person, which: number, changed: boolean): void {
    const mine = this.attempts.filter(({ user }) => user === person.member.name);
    const first = mine[which % Math.max(mine.length, 1)];
    if (!first) return;
    this.connect(person, 'since');
    const text = changed ? `${first.text}!` : first.text;
    const entry = this.stored(person.room).find(({ message }) => message?.id === first.id);
    if (entry && entry.message?.text !== text) {
      this.note(person, first.id, text, { type: 'refused', code: 'id_conflict' });
      return;
    }
    const seq = entry?.seq ?? this.store(person.room, { id: first.id, user: person.member.name, text });
    this.note(person, first.id, text, { type: 'posted', seq });
  }

  private note(person: Person, id: string, text: string, answer: Answer): void {
    const connection = `${person.member.name}/${person.line}`;
    const { room: room_id, member } = person;
    this.attempts.push({ connection, room_id, id, user: member.name, text, sent_at: 0, answer });
  }

  private connect(person: Person, how: 'since' | 'anew' | 'not recovered'): void {
    if (person.connected) return;
    const head_seq = this.stored(person.room).length;
    const since = how === 'anew' || person.member.sessions.length === 0 ? null : person.at;
    const recovered = since === null ? null : how !== 'not recovered';
    person.member.sessions.push({ since, head_seq, recovered, entries: [] });
    if (recovered !== true) person.at = head_seq;
    person.connected = true;
    person.line++;
  }

  private deliver(person: Person, count: number): void {
    const session: Session | undefined = person.member.sessions.at(-1);
    if (!person.connected || !session) return;
    const entries = this.stored(person.room).slice(person.at, person.at + count);
    session.entries.push(...structuredClone(entries));
    person.at += entries.length;
  }

  private store(room: string, message: { id: string; user: string; text: string }): number {
    const entries = this.stored(room);
    entries.push({ seq: entries.length + 1, type: 'message_posted', message });
    return entries.length;
  }

  private stored(room: string): Entry[] {
    return this.entries.get(room) ?? [];
  }

  private person(index: number): Person {
    const person = this.people[index];
    if (!person) throw new Error(`nobody is number ${index}`);
    return person;
  }
}

function answerOf(fate: Fate, seq: number): Answer {
  if (fate === 'posted') return { type: 'posted', seq };
  if (fate === 'queued') return { type: 'queued' };
  return { type: 'refused', code: fate === 'forbidden' ? 'forbidden' : 'unavailable' };
}
