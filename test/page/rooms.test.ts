import t from 'tap';
import { hashOf, nameOf, roomInHash, roomMeant, tokenInHash } from '../../api/page/parts/room-names.js';
import { shelfOf } from '../../api/page/parts/shelf.js';
import { keep, recall, type Kept } from '../../api/page/parts/storage.js';
import { arrived, badgeOf, NOTHING, seen, titleOf } from '../../api/page/parts/unread.js';
import { announcementOf, failureOf, refusalOf, typingOf } from '../../api/page/parts/words.js';

t.test('a room is meant by a name, an id or a link', async (t) => {
  t.equal(roomMeant('42', 'pair'), '42');
  t.equal(roomMeant(' Tea & cakes ', 'group'), 'group:Tea-cakes');
  t.equal(roomMeant('Crème brûlée', 'channel'), 'channel:Creme-brulee');
  t.equal(roomMeant('direct:ab', 'group'), 'direct:ab');
  t.equal(roomMeant('https://chat.example/#room=group:a', 'pair'), 'group:a');
  t.equal(roomMeant('x'.repeat(100), 'group')?.length, 64);
  for (const none of ['', '  ', '会議', '...', '#', '-:-']) t.equal(roomMeant(none, 'group'), null, none);
});

t.test('the address says which room it is, and may carry a token', async (t) => {
  for (const id of ['42', 'group:a-b_c.d']) t.equal(roomInHash(hashOf(id)), id);
  t.equal(hashOf('group:a'), '#room=group:a');
  for (const none of ['', '#', '#room=', '#room=a/b', '#room=..', '#other=1'])
    t.equal(roomInHash(none), null, none);
  t.equal(tokenInHash('#token=a.b.c&room=42'), 'a.b.c');
  t.equal(roomInHash('#token=a.b.c&room=42'), '42');
  t.equal(tokenInHash('#room=42'), null);
  t.same(nameOf('group:a'), { name: 'a', kind: 'group' });
  t.same(nameOf('42'), { name: '42', kind: '' });
  t.same(nameOf(':a'), { name: ':a', kind: '' });
});

t.test('unread messages are counted once, and not one’s own', async (t) => {
  let unread = seen(NOTHING, 5);
  unread = arrived(unread, 5, false);
  t.same(unread, { read: 5, count: 0 }, 'told again');
  unread = arrived(arrived(unread, 6, false), 7, false);
  t.same(unread, { read: 5, count: 2 });
  t.same(arrived(unread, 8, true), { read: 8, count: 0 }, 'who answers has read');
  t.same(seen(unread, 7), { read: 7, count: 0 });
  const read = seen(unread, 7);
  t.equal(seen(read, 7), read, 'the same object when nothing changes');
  t.same([badgeOf(1), badgeOf(99), badgeOf(100)], ['1', '99', '99+']);
  t.equal(titleOf('42', 3), '(3) 42 · Parlor');
  t.equal(titleOf(null, 0), 'Parlor');
});

t.test('what is kept comes back, and what is broken is as new', async (t) => {
  const shelf = shelfOf(() => {
    throw new Error('not in a private window');
  });
  const empty: Kept = { name: null, isKnown: false, resume: null, theme: 'system', rooms: [] };
  t.same(recall(shelf), empty);
  const kept: Kept = {
    name: 'Alice',
    isKnown: true,
    resume: null,
    theme: 'dark',
    rooms: [{ id: '42', read: 7 }],
  };
  keep(shelf, kept);
  t.same(recall(shelf), kept);
  for (const broken of [
    '{',
    'null',
    '3',
    '{"rooms":3,"name":4,"theme":"pink"}',
    '{"rooms":[null,{"id":3}]}',
  ]) {
    shelf.setItem('parlor', broken);
    t.same(recall(shelf), empty, broken);
  }
  shelf.removeItem('parlor');
  t.same(recall(shelf), empty);
});

t.test('words: for a room that is full or closed, for a message, for who types', async (t) => {
  const error = (code: string, retry: boolean) => ({ code, message: 'as it is', retry });
  t.match(refusalOf(error('room_full', true), 2), {
    title: 'This room is full',
    text: /^All 2 seats/,
    way: 'wait',
  });
  t.match(refusalOf(error('room_full', true)), { text: /^Every seat/, way: 'wait' });
  for (const code of ['room_closed', 'forbidden', 'room_not_found', 'bad_request'])
    t.equal(refusalOf(error(code, false)).way, 'again', code);
  for (const code of ['rate_limited', 'unavailable']) t.equal(refusalOf(error(code, true)).way, 'wait', code);
  t.equal(failureOf(error('something_new', false)), 'as it is');
  const typing = (...users: string[]): string =>
    typingOf(users)
      .map((word) => (typeof word === 'string' ? word : word.name))
      .join('');
  t.equal(typing(), '');
  t.equal(typing('a'), 'a is typing');
  t.equal(typing('a', 'b'), 'a and b are typing');
  t.equal(typing('a', 'b', 'c'), 'a, b and c are typing');
  t.equal(typing('a', 'b', 'c', 'd'), 'a, b and 2 others are typing');
  const one = { user: 'bob', text: 'hi' };
  t.equal(announcementOf([one, { user: null, text: 'ho' }]), 'bob: hi. A service: ho');
  t.equal(announcementOf([one, one, one]), '3 new messages');
});
