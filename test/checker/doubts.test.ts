import t from 'tap';
import { check } from './check.js';
import type { Attempt, History, Span, Visit } from './history.js';
import { LATE_MS } from './seats.js';

const GRACE_MS = 100;

function visit(user: string, from: number, to: number, doubts: Span[] = []): Visit {
  const times = { asked_at: from, welcome_at: from + 1, sure_until: to, closed_at: to + 1 };
  return { room_id: 'r', user, ...times, doubts, told: [] };
}

function historyOf(visits: Visit[], more: Partial<History> = {}): History {
  const room = {
    room_id: 'r',
    head_seq: 0,
    entries: [],
    capacity: 1,
    post: 'members' as const,
    grace_ms: GRACE_MS,
  };
  return { attempts: [], members: [], rooms: [room], visits, kicks: [], rosters: [], unsettled: [], ...more };
}

function kinds(history: History): string[] {
  return check(history).map(({ kind }) => kind);
}

t.test(
  'a seat may be somebody else’s while nobody hears the node of who had it, and not before or after',
  async (t) => {
    const alice = (doubts: Span[]): Visit => visit('alice', 0, 1_000, doubts);
    const bob = visit('bob', 400, 500);
    t.same(kinds(historyOf([alice([]), bob])), ['over_capacity']);
    t.same(kinds(historyOf([alice([{ from: 300, to: 600 }]), bob])), []);
    t.same(kinds(historyOf([alice([{ from: 300, to: null }]), bob])), []);
    t.same(kinds(historyOf([alice([{ from: 450, to: 600 }]), bob])), ['over_capacity'], 'it begins too late');
    t.same(
      kinds(historyOf([alice([{ from: 300, to: 450 }]), bob])),
      ['over_capacity'],
      'it is over too soon',
    );
  },
);

t.test(
  'a seat in grace may be lost to a member who is there again, and whom nobody heard meanwhile',
  async (t) => {
    const bob = (doubts: Span[]): Visit => visit('bob', 0, 1_000, doubts);
    const carol = visit('carol', 400, 500);
    // Carol's seat is in grace until 600.
    const rosters = [{ room_id: 'r', asked_at: 550, answered_at: 551, members: ['bob'] }];
    const away = [{ from: 300, to: 520 }];
    t.same(kinds(historyOf([bob(away), carol], { rosters })), []);
    const early = [{ from: 300, to: 490 }];
    t.same(
      kinds(historyOf([bob(early), carol], { rosters })),
      ['over_capacity', 'seat_lost'],
      'he was back before she went',
    );
    const [room] = historyOf([]).rooms;
    const rooms = room ? [{ ...room, capacity: null }] : [];
    t.same(
      kinds(historyOf([bob(away), carol], { rosters, rooms })),
      ['seat_lost'],
      'there is a seat for everybody',
    );
  },
);

t.test('who is said to have left once for each time that a seat may have been lost', async (t) => {
  const left = (at: number) => ({ at, type: 'left' as const, users: ['alice'] });
  const bob = { ...visit('bob', 0, 1_000), told: [left(350)] };
  const [room] = historyOf([]).rooms;
  const rooms = room ? [{ ...room, capacity: null }] : [];
  const alice = (doubts: Span[]): Visit => visit('alice', 0, 900, doubts);
  t.same(kinds(historyOf([alice([]), bob], { rooms })), ['left_but_present']);
  t.same(kinds(historyOf([alice([{ from: 300, to: 400 }]), bob], { rooms })), []);
  const twice = { ...bob, told: [left(350), left(360)] };
  t.same(kinds(historyOf([alice([{ from: 300, to: 400 }]), twice], { rooms })), ['left_but_present']);
});

t.test(
  'who went while nothing was settled may be listed until that is over, and its grace after it',
  async (t) => {
    const alice = visit('alice', 0, 1_000);
    const unsettled = [{ from: 900, to: 20_000 }];
    const listedAt = (at: number) => [
      { room_id: 'r', asked_at: at, answered_at: at + 1, members: ['alice'] },
    ];
    const late = 20_000 + GRACE_MS + LATE_MS;
    t.same(kinds(historyOf([alice], { rosters: listedAt(19_000) })), ['seat_left_over']);
    t.same(kinds(historyOf([alice], { rosters: listedAt(19_000), unsettled })), []);
    t.same(kinds(historyOf([alice], { rosters: listedAt(late), unsettled })), []);
    t.same(kinds(historyOf([alice], { rosters: listedAt(late + 2), unsettled })), ['seat_left_over']);
  },
);

t.test(
  'a post that was answered 202 is there in the end, unless its user was no member when its turn came',
  async (t) => {
    const post = (user: string, sent_at: number): Attempt => {
      return { connection: 'c', room_id: 'r', id: 'm', user, text: 'x', sent_at, answer: { type: 'queued' } };
    };
    const alice = visit('alice', 0, 30_000);
    t.same(kinds(historyOf([alice], { attempts: [post('alice', 10)] })), ['lost']);
    t.same(kinds(historyOf([alice], { attempts: [post('mallory', 10)] })), []);
    const unsettled = [{ from: 0, to: 40_000 }];
    t.same(
      kinds(historyOf([alice], { attempts: [post('alice', 10)], unsettled })),
      [],
      'she had gone by then',
    );
    const [room] = historyOf([]).rooms;
    const rooms = room ? [{ ...room, post: 'anyone' as const }] : [];
    t.same(kinds(historyOf([], { attempts: [post('mallory', 10)], rooms })), ['lost']);
  },
);
