import type { Command } from '../messages/commands.js';
import type { Clock, Store } from '../ports.js';
import type { RoomMessage } from './message.js';
import type { Repeats } from './repeats.js';

/**
 * This many ms after a roll call a room that may close by itself reads its record again: longer than
 * PostgreSQL may take over what the home before it has decided.
 */
const READ_AGAIN_MS = 10_000;

/** A room that asks the store. The answers come to its mailbox, before what waits there. */
interface Asker {
  readonly roomId: string;
  readonly parts: { readonly store: Store; readonly clock: Clock };
  readonly mailbox: { tellFirst(message: RoomMessage): void };
}

/** Asks for the record, and when the last event was. Answered by `loaded` or `not_loaded` with this `load`. */
export function askForRecord({ roomId, parts, mailbox }: Asker, load: number): void {
  const { store } = parts;
  const newest = { room_id: roomId, limit: 1, messages_only: false };
  Promise.all([store.load(roomId), store.history(newest)]).then(
    ([record, [last]]) => {
      const latest = last === undefined ? 0 : Date.parse(last.at);
      mailbox.tellFirst({ type: 'loaded', load, record, latest });
    },
    (cause: unknown) => mailbox.tellFirst({ type: 'not_loaded', load, cause }),
  );
}

/**
 * Asks which of these commands are repeats. `looked_up` with this `lookup`: `repeats` knows now.
 * `not_looked_up`: the store did not answer.
 */
export function askForRepeats(
  { parts, mailbox, repeats }: Asker & { readonly repeats: Repeats },
  commands: readonly Command[],
  lookup: number,
): void {
  repeats.lookUp(commands, parts.store).then(
    () => mailbox.tellFirst({ type: 'looked_up', lookup }),
    (cause: unknown) => mailbox.tellFirst({ type: 'not_looked_up', lookup, cause }),
  );
}

/**
 * Plans a second look at the record: `read_again` comes when it is time. `after`: the id of the room's last
 * roll call.
 *
 * The home before this one may have closed the room because it was empty, and that was stored after this home
 * had read the record. Joins store nothing, so nothing else would tell, and whoever has joined since would
 * sit in a closed room.
 */
export function readAgainLater({ parts, mailbox }: Asker, after: string): void {
  parts.clock.after(READ_AGAIN_MS, () => mailbox.tellFirst({ type: 'read_again', after }));
}

/** Asks for the record's last seq. Answered by `was_read_again`. If the store fails, the look is planned anew. */
export function readAgain(room: Asker, after: string): void {
  const { roomId, parts, mailbox } = room;
  parts.store.load(roomId).then(
    (record) => mailbox.tellFirst({ type: 'was_read_again', after, head_seq: record?.head_seq ?? 0 }),
    () => readAgainLater(room, after),
  );
}
