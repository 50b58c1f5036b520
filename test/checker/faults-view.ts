import type { History } from './history.js';
import {
  forget,
  type Choose,
  type Finding,
  shownMessages,
  storedMessages,
  storedWhere,
  type Faults,
} from './plant.js';

/** Faults of what members were shown, and of the order of one connection's posts. */
export const VIEW_FAULTS: Faults<
  'vanished' | 'head_went_back' | 'doubled_in_view' | 'view_unordered' | 'missed' | 'posts_unordered'
> = {
  vanished: [
    {
      name: 'a message that a member was shown, that nobody was answered for, and that is gone',
      plant(history, choose) {
        const unanswered = storedWhere(history, (all) => all.every(({ answer }) => answer.type === 'none'));
        const shown = shownMessages(history);
        const lost = choose(
          unanswered.filter(({ message }) => shown.some((one) => one.message.id === message.id)),
        );
        if (!lost) return null;
        forget(lost.room, lost.entry);
        return { id: lost.message.id, seq: lost.entry.seq };
      },
    },
    {
      name: 'a fact that a member was shown and that is no longer what it was',
      plant(history, choose) {
        const facts = history.members.flatMap(({ room_id, name, sessions }) =>
          sessions.flatMap(({ entries }) =>
            entries.flatMap(({ seq, message }) => (message ? [] : [{ room_id, member: name, seq }])),
          ),
        );
        const fact = choose(facts);
        const room = history.rooms.find(({ room_id }) => room_id === fact?.room_id);
        const stored = room?.entries.find(({ seq }) => seq === fact?.seq);
        if (!fact || !stored) return null;
        stored.type = 'room_opened';
        return { ...fact, id: 'policy_changed' };
      },
    },
  ],
  head_went_back: [
    {
      name: 'a welcome that tells less than the member has seen',
      plant(history, choose) {
        const back = history.members.flatMap(({ name, sessions }) =>
          sessions.slice(1).map((session, i) => {
            const before = sessions.slice(0, i + 1).flatMap(({ entries }) => entries.map(({ seq }) => seq));
            return { name, session, seen: Math.max(0, ...before) };
          }),
        );
        const found = choose(back.filter(({ seen, session }) => seen > 0 && session.recovered === true));
        if (!found) return null;
        found.session.head_seq = found.seen - 1;
        return { member: found.name, seq: found.seen - 1 };
      },
    },
    {
      name: 'a welcome that tells less than the one before it, of which nothing was seen yet',
      plant(history, choose) {
        const back = history.members.flatMap(({ name, sessions }) =>
          sessions.slice(1).flatMap((session, i) => {
            const before = sessions[i];
            const isUnseen = before?.recovered === true && before.entries.length === 0;
            return isUnseen && before.head_seq > 0 ? [{ name, session, told: before.head_seq }] : [];
          }),
        );
        const found = choose(back);
        if (!found) return null;
        found.session.head_seq = found.told - 1;
        return { member: found.name, seq: found.told - 1 };
      },
    },
  ],
  doubled_in_view: [
    {
      name: 'a message shown twice by one connection',
      plant(history, choose) {
        const shown = choose(shownMessages(history));
        if (!shown) return null;
        shown.session.entries.splice(shown.at + 1, 0, structuredClone(shown.entry));
        return { id: shown.message.id, member: shown.member.name, seq: shown.entry.seq };
      },
    },
    {
      name: 'a message shown again after a reconnect that had it',
      plant(history, choose) {
        const again = shownMessages(history).flatMap((shown) => {
          const { sessions } = shown.member;
          const next = sessions[sessions.indexOf(shown.session) + 1];
          const isLast = shown.at === shown.session.entries.length - 1;
          return isLast && next?.recovered === true && next.since === shown.entry.seq
            ? [{ shown, next }]
            : [];
        });
        const found = choose(again);
        if (!found) return null;
        const { shown, next } = found;
        next.entries.unshift(structuredClone(shown.entry));
        return { id: shown.message.id, member: shown.member.name, seq: shown.entry.seq };
      },
    },
  ],
  view_unordered: [
    {
      name: 'two messages shown in the wrong order',
      plant(history, choose) {
        const shown = choose(shownMessages(history).filter(({ at }) => at > 0));
        if (!shown) return null;
        const { session, at, member, entry } = shown;
        const [earlier] = session.entries.splice(at - 1, 1);
        if (!earlier) return null;
        session.entries.splice(at, 0, earlier);
        return { member: member.name, seq: earlier.seq, after: entry.seq };
      },
    },
  ],
  missed: [
    {
      name: 'a message that one member was not shown, though it saw later ones',
      plant(history, choose) {
        const before = shownMessages(history).filter(({ session, at }) => at < session.entries.length - 1);
        const shown = choose(before);
        if (!shown) return null;
        shown.session.entries.splice(shown.at, 1);
        return { member: shown.member.name, ids: [shown.message.id], seq: shown.entry.seq };
      },
    },
    {
      name: 'a message that was lost at the seam of a reconnect',
      plant(history, choose) {
        const seams = shownMessages(history).filter(
          ({ member, session, at }) =>
            at === 0 && session.recovered === true && member.sessions.indexOf(session) > 0,
        );
        const shown = choose(
          seams.filter(({ session, member }) => member.stayed || session.entries.length > 1),
        );
        if (!shown) return null;
        const { sessions } = shown.member;
        // What it does not get later: the next connection asks for what comes after.
        shown.session.entries.splice(0, 1);
        const isAskedAgain = sessions
          .slice(sessions.indexOf(shown.session) + 1)
          .some(({ since, recovered }) => recovered === true && since !== null && since < shown.entry.seq);
        if (isAskedAgain) return null;
        const isLeftBehind = sessions
          .slice(sessions.indexOf(shown.session) + 1)
          .some(({ recovered }) => recovered !== true);
        if (isLeftBehind && shown.session.entries.length === 0) return null;
        return { member: shown.member.name, seq: shown.entry.seq };
      },
    },
    {
      name: 'a message at the end of one connection that the next one does not ask for',
      plant(history, choose) {
        const ends = shownMessages(history).filter(({ member, session, at, entry }) => {
          const next = member.sessions[member.sessions.indexOf(session) + 1];
          const isLast = at === session.entries.length - 1;
          return isLast && next?.recovered === true && next.since === entry.seq;
        });
        const shown = choose(ends);
        if (!shown) return null;
        shown.session.entries.pop();
        return { member: shown.member.name, ids: [shown.message.id], seq: shown.entry.seq };
      },
    },
    {
      name: 'a list that is short at the end',
      plant(history, choose) {
        const ends = shownMessages(history).filter(
          ({ member, session, at }) =>
            member.stayed && session === member.sessions.at(-1) && at === session.entries.length - 1,
        );
        const shown = choose(ends);
        if (!shown) return null;
        shown.session.entries.pop();
        return {
          member: shown.member.name,
          ids: [shown.message.id],
          seq: shown.entry.seq,
          to: shown.entry.seq,
        };
      },
    },
    {
      name: 'messages left out for a member that asks from beyond the head, which it was neither shown nor told of',
      plant(history, choose) {
        const firsts = history.members.flatMap(({ name, stayed, sessions }) => {
          const [session] = sessions;
          const [next] = session?.entries ?? [];
          return session && next?.message && (stayed || session.entries.length > 1)
            ? [{ name, session, next, only: sessions.length === 1 }]
            : [];
        });
        const found = choose(firsts.filter(({ session, only }) => only || session.entries.length > 1));
        if (!found) return null;
        const { name, session, next } = found;
        Object.assign(session, { since: next.seq, recovered: true });
        session.entries.shift();
        return { member: name, seq: next.seq, ids: [next.message?.id] };
      },
    },
  ],
  posts_unordered: [
    {
      name: 'two posts of one connection that change places, in the store, the answers and all views alike',
      plant: (history, choose) => swapPosts(history, choose, 'posted'),
    },
    {
      name: 'two posts that were not answered and stand the wrong way round',
      plant: (history, choose) => swapPosts(history, choose, 'none'),
    },
  ],
};

/** Two posts of one connection, never tried again and answered in this way, change places wherever they are. */
function swapPosts(history: History, choose: Choose, answer: 'posted' | 'none'): Finding | null {
  const times = new Map<string, number>();
  for (const { id } of history.attempts) times.set(id, (times.get(id) ?? 0) + 1);
  const ids = new Set(storedMessages(history).map(({ message }) => message.id));
  const candidates = history.attempts.filter(
    (one) => one.answer.type === answer && times.get(one.id) === 1 && ids.has(one.id),
  );
  const pairs = candidates.flatMap((first, i) =>
    candidates
      .slice(i + 1)
      .filter(({ connection }) => connection === first.connection)
      .map((second) => ({ first, second })),
  );
  const pair = choose(pairs);
  if (!pair) return null;
  const { first, second } = pair;
  for (const { message } of [...storedMessages(history), ...shownMessages(history)]) {
    const other = message.id === first.id ? second : message.id === second.id ? first : null;
    if (other) Object.assign(message, { id: other.id, text: other.text });
  }
  [first.answer, second.answer] = [second.answer, first.answer];
  return { connection: first.connection, first: first.id, second: second.id };
}
