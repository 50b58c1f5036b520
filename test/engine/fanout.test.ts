import fc from 'fast-check';
import t from 'tap';
import { Fanout, SPARED } from '../../engine/fanout.js';
import type { Listener } from '../../engine/listener.js';
import { FakeUws, type FakeWs } from '../adapters/fake-uws.js';
import { turns } from '../support/clock.js';

const BUFFER_BYTES = 4_000;
const PAD = 'x'.repeat(40);

/** A room's fan-out over the real sockets, and everybody who ever heard it. */
class Room {
  readonly uws = new FakeUws(BUFFER_BYTES);
  readonly people: Person[] = [];
  dropped = 0;
  spells = 0;
  sent = 0;
  /** The numbers of durable frames. */
  readonly durable: number[] = [];
  private readonly fanout = new Fanout('room', {
    outlet: this.uws.outlet,
    log: { info: () => (this.spells += 1), warn: () => undefined, error: () => undefined },
    meter: {
      refused: () => undefined,
      limited: () => undefined,
      posted: () => undefined,
      delivered: () => undefined,
      dropped: (reason, count = 1) => void (this.dropped += reason === SPARED ? count : NaN),
      crashed: () => undefined,
      committed: () => undefined,
    },
  });

  send(kind: 'durable' | 'ephemeral'): void {
    const frame = `${++this.sent} ${kind} ${PAD}`;
    if (kind === 'ephemeral') {
      this.fanout.sendEphemeral(frame, this.here());
      return;
    }
    this.durable.push(this.sent);
    this.fanout.send(frame);
  }

  join(): void {
    const person = new Person(this.uws.connect(), `${this.people.length}`, this.sent);
    this.people.push(person);
    this.fanout.add(person);
    person.admitted();
  }

  leave(person: Person): void {
    person.left = this.sent;
    person.isLive = false;
    this.fanout.remove(person);
    person.ws.close();
  }

  here(): Person[] {
    return this.people.filter(({ isLive }) => isLive);
  }
}

class Person implements Listener {
  readonly user = 'somebody';
  readonly isTrusted = false;
  readonly isOneOfMany = false;
  isLive = false;
  isEnded = false;
  left = Infinity;

  constructor(
    readonly ws: FakeWs,
    readonly id: string,
    readonly since: number,
  ) {}

  send(...frames: string[]): void {
    this.ws.socket.send(...frames);
  }

  sendSoon(frame: string): void {
    this.ws.socket.sendSoon(frame);
  }

  abort(): void {
    this.isEnded = true;
  }

  private topic: string | null = null;

  get hearsTopic(): boolean {
    return this.topic !== null;
  }

  hear(topic: string): void {
    this.ws.socket.subscribe(topic, this.topic);
    this.topic = topic;
  }

  backlog(): number {
    return this.ws.socket.backlog();
  }

  whenRead(bytes: number, call: () => void): void {
    this.ws.socket.whenRead(bytes, call, this);
  }

  nextPage(bytes: number, call: () => void): void {
    this.whenRead(bytes, call);
  }

  admitted(): void {
    this.isLive = true;
  }

  end(): void {
    throw new Error('nobody is ended by the fan-out');
  }

  /** The numbers of the frames it has read, of one kind or all. */
  numbers(kind = ''): number[] {
    return this.ws.got.filter((frame) => frame.includes(kind)).map((frame) => Number.parseInt(frame, 10));
  }
}

type Step =
  | { readonly type: 'durable' | 'ephemeral'; readonly count: number }
  | { readonly type: 'join' | 'turn' }
  | { readonly type: 'leave' | 'stop' | 'read' | 'resume'; readonly who: number };

const who = fc.nat({ max: 30 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('durable' as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('ephemeral' as const), count: fc.integer({ min: 1, max: 20 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('join' as const, 'turn' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constantFrom('stop' as const, 'read' as const, 'resume' as const), who }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave' as const), who }) },
);

/** Turns that a frame may wait on its way out (adapters/uws/gathered-outlet.ts), and one more. */
const LONGEST = 25;

async function take(room: Room, one: Step): Promise<void> {
  if ('count' in one) {
    for (let i = 0; i < one.count; i++) room.send(one.type);
  } else if ('who' in one) {
    const here = room.here();
    const person = here[one.who % here.length];
    if (!person) return;
    if (one.type === 'leave') room.leave(person);
    else if (one.type === 'stop') person.ws.stopReading();
    else person.ws.read(one.type === 'read' ? 5 : 'all');
  } else if (one.type === 'join') room.join();
  else await turns(3);
}

/** Everything goes out, and everybody reads it. */
async function settle(room: Room): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await turns(LONGEST);
    for (const { ws } of room.people) ws.read('all');
  }
}

t.test(
  'whatever comes together, each gets the durable frames in order, from its joining on, without a gap',
  async (t) => {
    const seen = { overflowed: 0, spared: 0, crowds: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 150 }), async (steps) => {
        const room = new Room();
        for (const one of steps) await take(room, one);
        await settle(room);
        for (const person of room.people) {
          const all = person.numbers();
          if (all.some((seq, i) => i > 0 && seq <= (all[i - 1] ?? 0)))
            throw new Error(`order: ${all.join(' ')}`);
          const wanted = room.durable.filter((seq) => seq > person.since);
          const got = person.numbers('durable');
          if (got.some((seq, i) => seq !== wanted[i]))
            throw new Error(`gap: ${got.join(' ')} of ${wanted.join(' ')}`);
          const whole = person.isLive && person.ws.ended === null;
          if (whole && got.length < wanted.length) throw new Error(`${got.length} of ${wanted.length}`);
          if (person.ws.ended !== null) seen.overflowed++;
        }
        if (Number.isNaN(room.dropped)) throw new Error('something else was dropped');
        if (room.dropped > 0) seen.spared++;
        if (room.people.length > 8) seen.crowds++;
      }),
      { numRuns: 300 },
    );
    for (const [what, times] of Object.entries(seen)) t.ok(times > 20, `${what}: ${times} times`);
  },
);

for (const size of [2, 20]) {
  t.test(`of ${size}, only who is behind is spared, and who has read is not spared any more`, async (t) => {
    const room = new Room();
    for (let i = 0; i < size; i++) room.join();
    const [slow, ...readers] = room.people;
    if (!slow) throw new Error('nobody is slow');
    slow.ws.stopReading();
    for (let i = 0; i < 200; i++) {
      room.send('ephemeral');
      await turns(LONGEST);
    }
    for (const reader of readers) t.equal(reader.ws.got.length, 200);
    t.ok(slow.backlog() > BUFFER_BYTES / 2 && slow.backlog() < BUFFER_BYTES * 0.75, `${slow.backlog()} wait`);
    t.equal(room.spells, 1);
    t.equal(slow.numbers().length, 0);
    slow.ws.read('all');
    t.equal(slow.numbers().length + room.dropped, 200, 'it got each, or that it did not is counted');
    const before = room.dropped;
    for (let i = 0; i < 200; i++) room.send('ephemeral');
    await settle(room);
    t.equal(room.dropped, before);
    t.strictSame(slow.numbers().slice(-200), readers[0]?.numbers().slice(-200));
  });
}

t.test('who is behind when a few become many is still spared, and gets every durable frame', async (t) => {
  const room = new Room();
  for (let i = 0; i < 8; i++) room.join();
  const [slow] = room.people;
  slow?.ws.stopReading();
  for (let i = 0; i < 60; i++) {
    room.send('ephemeral');
    await turns(LONGEST);
  }
  const dropped = room.dropped;
  t.ok(dropped > 0);
  room.send('durable');
  room.join();
  room.send('durable');
  room.send('ephemeral');
  t.equal(room.dropped, dropped + 1);
  await settle(room);
  room.send('ephemeral');
  room.send('durable');
  await settle(room);
  t.strictSame(slow?.numbers('durable'), room.durable);
  t.equal((slow?.numbers('ephemeral').length ?? 0) + room.dropped, room.sent - room.durable.length);
  t.strictSame(slow?.numbers().slice(-2), [room.sent - 1, room.sent]);
  t.equal(room.spells, 1);
});
