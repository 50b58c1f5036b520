import { forget, postedAttempts, shownMessages, storedMessages, storedWhere, type Faults } from './plant.js';

/** Faults of the store and of answers. */
export const STORE_FAULTS: Faults<
  | 'lost'
  | 'wrong_seq'
  | 'changed'
  | 'refused_but_stored'
  | 'false_conflict'
  | 'doubled_in_store'
  | 'invented'
  | 'seq_taken_twice'
  | 'hole'
  | 'store_unordered'
> = {
  lost: [
    {
      name: 'an answered message that is gone from the store',
      plant(history, choose) {
        const isAnswered = (id: string): boolean => postedAttempts(history).some((one) => one.id === id);
        const lost = choose(storedMessages(history).filter(({ message }) => isAnswered(message.id)));
        if (!lost) return null;
        forget(lost.room, lost.entry);
        return { id: lost.message.id, room_id: lost.room.room_id };
      },
    },
    {
      name: 'the last message of a room, answered by nothing but 202, that is gone',
      plant(history, choose) {
        const queued = storedWhere(history, (all) => all.every(({ answer }) => answer.type === 'queued'));
        const lost = choose(queued);
        if (!lost) return null;
        forget(lost.room, lost.entry);
        return { id: lost.message.id, answer: '202' };
      },
    },
  ],
  wrong_seq: [
    {
      name: 'a wrong seq in an answer',
      plant(history, choose) {
        const attempt = choose(postedAttempts(history));
        if (attempt?.answer.type !== 'posted') return null;
        attempt.answer.seq += 1;
        return {
          id: attempt.id,
          told: attempt.answer.seq,
          by: attempt.connection,
          seq: attempt.answer.seq - 1,
        };
      },
    },
    {
      name: 'a message shown with another seq than it has in the store',
      plant(history, choose) {
        const shown = choose(
          shownMessages(history).filter(({ at, session }) => at === session.entries.length - 1),
        );
        if (!shown) return null;
        const { entry, member } = shown;
        entry.seq += 1;
        return { id: shown.message.id, told: entry.seq, by: member.name, seq: entry.seq - 1 };
      },
    },
  ],
  changed: [
    {
      name: 'a text that the store changed',
      plant(history, choose) {
        const stored = choose(storedMessages(history));
        if (!stored) return null;
        stored.message.text += ' and more';
        return { id: stored.message.id, by: 'the store', seq: stored.entry.seq };
      },
    },
    {
      name: 'a message that stands under another name',
      plant(history, choose) {
        const stored = choose(storedMessages(history));
        if (!stored) return null;
        stored.message.user = 'mallory';
        return { id: stored.message.id, by: 'the store', seq: stored.entry.seq };
      },
    },
    {
      name: 'a text that one member was shown otherwise',
      plant(history, choose) {
        const shown = choose(shownMessages(history));
        if (!shown) return null;
        shown.message.text = 'something else';
        return { id: shown.message.id, by: shown.member.name, seq: shown.entry.seq };
      },
    },
    {
      name: 'a retry with another text that is answered as if it were the same',
      plant(history, choose) {
        const conflicts = history.attempts.filter(
          ({ answer }) => answer.type === 'refused' && answer.code === 'id_conflict',
        );
        const attempt = choose(conflicts);
        const stored = storedMessages(history).find(({ message }) => message.id === attempt?.id);
        if (!attempt || !stored) return null;
        attempt.answer = { type: 'posted', seq: stored.entry.seq };
        return { id: attempt.id, by: attempt.connection, seq: stored.entry.seq };
      },
    },
  ],
  refused_but_stored: [
    {
      name: 'a post that was forbidden and is there all the same',
      plant(history, choose) {
        const stored = choose(storedWhere(history, (all) => all.length === 1));
        const attempt = history.attempts.find(({ id }) => id === stored?.message.id);
        if (!stored || !attempt) return null;
        attempt.answer = { type: 'refused', code: 'forbidden' };
        return { id: attempt.id, code: 'forbidden', seq: stored.entry.seq };
      },
    },
    {
      name: 'the text of a refused id_conflict that takes the place of the first',
      plant(history, choose) {
        const conflicts = history.attempts.filter(
          ({ answer }) => answer.type === 'refused' && answer.code === 'id_conflict',
        );
        const attempt = choose(conflicts);
        const stored = storedMessages(history).find(({ message }) => message.id === attempt?.id);
        if (!attempt || !stored) return null;
        const isSame = ({ id, text }: typeof attempt): boolean => id === attempt.id && text === attempt.text;
        if (history.attempts.some((one) => isSame(one) && one.answer.type !== 'refused')) return null;
        if (history.attempts.some((one) => isSame(one) && JSON.stringify(one.answer).includes('unavailable')))
          return null;
        stored.message.text = attempt.text;
        return { id: attempt.id, seq: stored.entry.seq };
      },
    },
  ],
  false_conflict: [
    {
      name: 'a retry of the same message that is refused as another one',
      plant(history, choose) {
        const same = storedWhere(
          history,
          (all) => all.length > 1 && all.every(({ text }) => text === all[0]?.text),
        );
        const stored = choose(same);
        const attempt = history.attempts.findLast(({ id }) => id === stored?.message.id);
        if (!attempt) return null;
        attempt.answer = { type: 'refused', code: 'id_conflict' };
        return { id: attempt.id, room_id: attempt.room_id };
      },
    },
  ],
  doubled_in_store: [
    {
      name: 'a message that is in the store a second time',
      plant(history, choose) {
        const stored = choose(storedMessages(history));
        if (!stored) return null;
        const { room, entry } = stored;
        room.head_seq += 1;
        room.entries.push({ ...structuredClone(entry), seq: room.head_seq });
        return { id: stored.message.id };
      },
    },
  ],
  invented: [
    {
      name: 'a message in the store that nobody posted',
      plant(history, choose) {
        const room = choose(history.rooms);
        if (!room) return null;
        room.head_seq += 1;
        const message = { id: 'ghost', user: null, text: 'boo' };
        room.entries.push({ seq: room.head_seq, type: 'message_posted', message });
        return { id: 'ghost', by: 'the store', room_id: room.room_id, seq: room.head_seq };
      },
    },
    {
      name: 'a message that a member was shown and nobody posted',
      plant(history, choose) {
        const member = choose(history.members.filter(({ sessions }) => sessions.length > 0));
        if (!member) return null;
        const message = { id: 'ghost', user: null, text: 'boo' };
        member.sessions.at(-1)?.entries.push({ seq: 1_000, type: 'message_posted', message });
        return { id: 'ghost', by: member.name, seq: 1_000 };
      },
    },
  ],
  seq_taken_twice: [
    {
      name: 'two messages at one seq',
      plant(history, choose) {
        const stored = choose(storedMessages(history).filter(({ entry }) => entry.seq > 1));
        if (!stored) return null;
        stored.entry.seq -= 1;
        return { room_id: stored.room.room_id, seq: stored.entry.seq };
      },
    },
  ],
  hole: [
    {
      name: 'a seq that was left out',
      plant(history, choose) {
        const stored = choose(storedMessages(history));
        if (!stored) return null;
        const { seq } = stored.entry;
        for (const entry of stored.room.entries) if (entry.seq >= seq) entry.seq += 1;
        stored.room.head_seq += 1;
        return { room_id: stored.room.room_id, seq, to: seq };
      },
    },
    {
      name: 'a head_seq beyond the last event',
      plant(history, choose) {
        const room = choose(history.rooms);
        if (!room) return null;
        room.head_seq += 1;
        return { room_id: room.room_id, seq: room.head_seq, to: room.head_seq };
      },
    },
  ],
  store_unordered: [
    {
      name: 'a store that gives two events in the wrong order',
      plant(history, choose) {
        const room = choose(history.rooms.filter(({ entries }) => entries.length > 1));
        const later = choose(room?.entries.slice(1) ?? []);
        if (!room || !later) return null;
        const at = room.entries.indexOf(later);
        const [earlier] = room.entries.splice(at - 1, 1);
        if (!earlier) return null;
        room.entries.splice(at, 0, earlier);
        return { room_id: room.room_id, seq: earlier.seq, after: later.seq };
      },
    },
  ],
};
