import type { History, Member, Session } from './history.js';
import { forget, shownMessages, storedMessages, type Choose, type Faults, type Finding } from './plant.js';

/** What a program that is out of its mind may say where a seq should be. */
const NO_SEQS = [0, -1, 1.5, Number.NaN, Infinity];
const NO_HEADS = NO_SEQS.filter((seq) => seq !== 0);

/** Faults of the heads that are told, of what is no seq at all, and of histories that do not tell enough. */
export const READING_FAULTS: Faults<
  'beyond_head' | 'head_not_stored' | 'bad_seq' | 'not_read' | 'read_twice'
> = {
  beyond_head: [
    {
      name: 'a last event that the head_seq of its room does not count',
      plant(history, choose) {
        const room = choose(history.rooms.filter(({ entries }) => entries.length > 0));
        if (!room) return null;
        const { room_id, head_seq } = room;
        room.head_seq -= 1;
        return { room_id, seq: head_seq, to: head_seq, head_seq: head_seq - 1 };
      },
    },
    {
      name: 'a room that says it is empty and is not',
      plant(history, choose) {
        const room = choose(history.rooms.filter(({ entries }) => entries.length > 1));
        if (!room) return null;
        const { room_id, head_seq } = room;
        room.head_seq = 0;
        return { room_id, seq: 1, to: head_seq, head_seq: 0 };
      },
    },
  ],
  head_not_stored: [
    {
      name: 'a welcome that tells of an event that was never committed',
      plant: (history, choose) => leakHead(history, choose, ({ since }) => since === null),
    },
    {
      name: 'a welcome with since that tells of an event that was never committed',
      plant: (history, choose) => leakHead(history, choose, ({ recovered }) => recovered === true),
    },
    {
      name: 'a last event that a welcome told of, that nobody was shown, and that is gone',
      plant(history, choose) {
        const told = sessionsOf(history).flatMap(({ member, session }) => {
          const room = history.rooms.find(({ room_id }) => room_id === member.room_id);
          const last = room?.entries.at(-1);
          return room && last && session.head_seq === last.seq ? [{ member, room, last }] : [];
        });
        const found = choose(told);
        if (!found) return null;
        const { member, room, last } = found;
        for (const { session } of sessionsOf(history).filter((one) => one.member.room_id === room.room_id))
          session.entries = session.entries.filter(({ seq }) => seq !== last.seq);
        forget(room, last);
        return { room_id: room.room_id, member: member.name, seq: last.seq, stored: last.seq - 1 };
      },
    },
  ],
  bad_seq: [
    {
      name: 'an event of the store at what is no seq',
      plant(history, choose) {
        const stored = choose(storedMessages(history));
        if (!stored) return null;
        const { room, entry, message } = stored;
        entry.seq = choose(NO_SEQS) ?? 0;
        return { room_id: room.room_id, by: 'the store', what: `the seq of ${message.id}`, seq: entry.seq };
      },
    },
    {
      name: 'a head_seq of the store that none can be',
      plant(history, choose) {
        const room = choose(history.rooms);
        if (!room) return null;
        room.head_seq = choose(NO_HEADS) ?? -1;
        return { room_id: room.room_id, by: 'the store', what: 'a head_seq', seq: room.head_seq };
      },
    },
    {
      name: 'a message that a member was shown at what is no seq',
      plant(history, choose) {
        const shown = choose(shownMessages(history));
        if (!shown) return null;
        const { member, entry, message } = shown;
        entry.seq = choose(NO_SEQS) ?? 0;
        return {
          room_id: member.room_id,
          by: member.name,
          what: `the seq of ${message.id}`,
          seq: entry.seq,
        };
      },
    },
    {
      name: 'a welcome with a head_seq that none can be',
      plant(history, choose) {
        const found = choose(sessionsOf(history));
        if (!found) return null;
        const { member, session } = found;
        session.head_seq = choose(NO_HEADS) ?? -1;
        return { room_id: member.room_id, by: member.name, what: 'a head_seq', seq: session.head_seq };
      },
    },
    {
      name: 'a since that none can be',
      plant(history, choose) {
        const found = choose(sessionsOf(history).filter(({ session }) => session.since !== null));
        if (!found) return null;
        const { member, session } = found;
        session.since = choose(NO_HEADS) ?? -1;
        return { room_id: member.room_id, by: member.name, what: 'a since', seq: session.since };
      },
    },
    {
      name: 'a post that is answered with what is no seq',
      plant(history, choose) {
        const attempt = choose(history.attempts);
        if (!attempt) return null;
        const { id, room_id, connection } = attempt;
        const seq = choose(NO_SEQS) ?? 0;
        attempt.answer = { type: 'posted', seq };
        return { room_id, by: connection, what: `the seq of ${id}`, seq };
      },
    },
  ],
  not_read: [
    {
      name: 'a room that was listened to and whose store nobody read',
      plant(history, choose) {
        const member = choose(history.members);
        if (!member) return null;
        leaveUnread(history, member.room_id);
        history.attempts = history.attempts.filter(({ room_id }) => room_id !== member.room_id);
        return { room_id: member.room_id };
      },
    },
    {
      name: 'a room that was posted to, never with an answer, and whose store nobody read',
      plant(history, choose) {
        const attempt = choose(history.attempts);
        if (!attempt) return null;
        const { room_id } = attempt;
        leaveUnread(history, room_id);
        history.members = history.members.filter((member) => member.room_id !== room_id);
        for (const one of history.attempts) if (one.room_id === room_id) one.answer = { type: 'none' };
        return { room_id };
      },
    },
  ],
  read_twice: [
    {
      name: 'a room that is read again when it is empty, which hides what it had',
      plant(history, choose) {
        const room = choose(history.rooms);
        if (!room) return null;
        history.rooms.push({ ...room, head_seq: 0, entries: [] });
        return { room_id: room.room_id };
      },
    },
  ],
};

function sessionsOf({ members }: History): { member: Member; session: Session }[] {
  return members.flatMap((member) => member.sessions.map((session) => ({ member, session })));
}

/** One of these welcomes tells a head that the store never reached. */
function leakHead(history: History, choose: Choose, fits: (session: Session) => boolean): Finding | null {
  const found = choose(sessionsOf(history).filter(({ session }) => fits(session)));
  const room = history.rooms.find(({ room_id }) => room_id === found?.member.room_id);
  if (!found || !room) return null;
  const { member, session } = found;
  session.head_seq = room.head_seq + (choose([1, 2, 9]) ?? 1);
  return { room_id: room.room_id, member: member.name, seq: session.head_seq, stored: room.head_seq };
}

function leaveUnread(history: History, room_id: string): void {
  history.rooms = history.rooms.filter((room) => room.room_id !== room_id);
}
