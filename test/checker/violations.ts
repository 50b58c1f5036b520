/** Where a message stands, for a human to find it. */
export interface Place {
  readonly room_id: string;
  readonly seq: number;
}

/**
 * The promise of DESIGN 9 that is broken: 1 order, 2 nothing answered is lost, 3 capacity, 4 a retried post is one
 * message; seats: what DESIGN 4 says of them; null: the history does not tell enough to say that they hold.
 */
const PROMISES = {
  not_read: null,
  read_twice: null,
  bad_seq: 1,
  beyond_head: 1,
  head_not_stored: 2,
  lost: 2,
  vanished: 2,
  head_went_back: 2,
  wrong_seq: 2,
  changed: 2,
  refused_but_stored: 4,
  false_conflict: 4,
  doubled_in_store: 4,
  invented: 1,
  seq_taken_twice: 1,
  hole: 1,
  store_unordered: 1,
  doubled_in_view: 1,
  view_unordered: 1,
  missed: 1,
  posts_unordered: 1,
  over_capacity: 3,
  left_but_present: 'seats',
  seat_lost: 'seats',
  seat_left_over: 'seats',
  kicked_but_connected: 'seats',
} as const satisfies Record<Violation['kind'], 1 | 2 | 3 | 4 | 'seats' | null>;

export type Violation =
  /** What the store has of a room that was posted or listened to is not in the history. `by`: who did. */
  | { readonly kind: 'not_read'; readonly room_id: string; readonly by: string }
  /** The history has several readings of a room. */
  | { readonly kind: 'read_twice'; readonly room_id: string }
  /** Not one of 1, 2, 3, … (or 0, of a head). `by`: the store, the member that was told it, or who posted. */
  | ({ readonly kind: 'bad_seq'; readonly by: string; readonly what: string } & Place)
  /** The store has `seq` to `to`, and says that it ends before. */
  | ({ readonly kind: 'beyond_head'; readonly to: number; readonly head_seq: number } & Place)
  /** A welcome told a head_seq, which is `seq`, and the store ends at `stored`. */
  | ({ readonly kind: 'head_not_stored'; readonly member: string; readonly stored: number } & Place)
  /** Answered 201, ack or 202, and not in the store. */
  | { readonly kind: 'lost'; readonly id: string; readonly room_id: string; readonly answer: string }
  /** A member saw it, and it is not in the store. */
  | ({ readonly kind: 'vanished'; readonly id: string; readonly member: string } & Place)
  /** A welcome told a smaller head_seq than this member had seen, or been told, before. */
  | ({ readonly kind: 'head_went_back'; readonly member: string; readonly seen: number } & Place)
  /** Answered, or seen, with another seq than it has in the store, which is `seq`. */
  | ({
      readonly kind: 'wrong_seq';
      readonly id: string;
      readonly told: number;
      readonly by: string;
    } & Place)
  /** Not what was posted: another room, user or text. `by`: the store, the member that saw it so, or who posted it. */
  | ({ readonly kind: 'changed'; readonly id: string; readonly by: string; readonly how: string } & Place)
  /** Every attempt to post it was refused for good, and yet it is in the store. */
  | ({ readonly kind: 'refused_but_stored'; readonly id: string; readonly code: string } & Place)
  /** Refused as the id of another message, and there is no other message. */
  | { readonly kind: 'false_conflict'; readonly id: string; readonly room_id: string }
  /** One id in several places of the store. */
  | { readonly kind: 'doubled_in_store'; readonly id: string; readonly places: readonly Place[] }
  /** In the store, or seen, and never posted. */
  | ({ readonly kind: 'invented'; readonly id: string; readonly by: string } & Place)
  | ({ readonly kind: 'seq_taken_twice'; readonly ids: readonly string[] } & Place)
  /** The store has nothing from `seq` to `to`. */
  | ({ readonly kind: 'hole'; readonly to: number } & Place)
  /** The store gives `seq` after a greater one. */
  | ({ readonly kind: 'store_unordered'; readonly after: number } & Place)
  | ({ readonly kind: 'doubled_in_view'; readonly id: string; readonly member: string } & Place)
  /** A member was shown `seq` after a greater one. */
  | ({ readonly kind: 'view_unordered'; readonly member: string; readonly after: number } & Place)
  /** A member was not shown what the store has from `seq` to `to`. */
  | ({
      readonly kind: 'missed';
      readonly member: string;
      readonly to: number;
      readonly ids: string[];
    } & Place)
  /** `first` was posted before `second` over one connection, and stands behind it; `seq` is that of `second`. */
  | ({
      readonly kind: 'posts_unordered';
      readonly connection: string;
      readonly first: string;
      readonly first_seq: number;
      readonly second: string;
    } & Place)
  /** More users than the room has seats had their welcome and an open connection at this time. */
  | ({
      readonly kind: 'over_capacity';
      readonly capacity: number;
      readonly users: readonly string[];
    } & Moment)
  /** Somebody (`told`) was told that a user left who was there all the time, or more often than that user left. */
  | ({ readonly kind: 'left_but_present'; readonly user: string; readonly told: string } & Moment)
  /** A list of members did not name a user who had a seat all the time. `by`: who was told it. */
  | ({ readonly kind: 'seat_lost'; readonly user: string; readonly by: string } & Moment)
  /** A list of members named a user who had long gone, or never came. */
  | ({ readonly kind: 'seat_left_over'; readonly user: string; readonly by: string } & Moment)
  /** A user who was thrown out was still connected, long after that was answered. */
  | ({ readonly kind: 'kicked_but_connected'; readonly user: string } & Moment);

/** When something was seen, by the clock of the history. */
export interface Moment {
  readonly room_id: string;
  readonly at: number;
}

/** One sentence for a human. */
export function sentence(violation: Violation): string {
  const promise = PROMISES[violation.kind];
  const broken =
    promise === null ? 'no promise can be checked' : promise === 'seats' ? promise : `promise ${promise}`;
  return `${broken}, ${violation.kind}: ${told(violation)}`;
}

function told(one: Violation): string {
  switch (one.kind) {
    case 'not_read':
      return `${one.by} was in room ${one.room_id}, of which the history has no reading of the store`;
    case 'read_twice':
      return `the history has several readings of room ${one.room_id}`;
    case 'bad_seq':
      return `${one.by} has ${one.what} as ${one.seq} in room ${one.room_id}, where only 1, 2, 3, … can be`;
    case 'beyond_head':
      return `the store has ${range(one)}, and a head_seq of ${one.head_seq}`;
    case 'head_not_stored':
      return `${one.member} was told a head_seq of ${at(one)}, and the store ends at ${one.stored}`;
    case 'lost':
      return `${one.id} was answered ${one.answer} in room ${one.room_id} and is not in the store`;
    case 'vanished':
      return `${one.member} saw ${one.id} as ${at(one)}, and it is not in the store`;
    case 'head_went_back':
      return `${one.member} had seen, or been told, seq ${one.seen} and was then told a head_seq of ${at(one)}`;
    case 'wrong_seq':
      return `${one.id} is ${at(one)} in the store, but ${one.by} was told ${one.told}`;
    case 'changed':
      return `${one.id}, ${at(one)}, is not what was posted, says ${one.by}: ${one.how}`;
    case 'refused_but_stored':
      return `${one.id} was refused with ${one.code} and is in the store as ${at(one)}`;
    case 'false_conflict':
      return `${one.id} in room ${one.room_id} was refused as the id of another message, and there is none`;
    case 'doubled_in_store':
      return `${one.id} is in the store ${one.places.length} times: ${one.places.map(at).join('; ')}`;
    case 'invented':
      return `${one.id}, ${at(one)}, was never posted, but ${one.by} has it`;
    case 'seq_taken_twice':
      return `${at(one)} is several: ${one.ids.join(', ')}`;
    case 'hole':
      return `the store has nothing at ${range(one)}`;
    case 'store_unordered':
      return `the store gives ${at(one)} after ${one.after}`;
    case 'doubled_in_view':
      return `${one.member} was shown ${one.id}, ${at(one)}, twice`;
    case 'view_unordered':
      return `${one.member} was shown ${at(one)} after ${one.after}`;
    case 'missed':
      return `${one.member} was not shown ${range(one)}: ${one.ids.slice(0, 5).join(', ')}${one.ids.length > 5 ? ', …' : ''}`;
    case 'posts_unordered':
      return (
        `${one.connection} posted ${one.first} before ${one.second}, ` +
        `but they stand as ${one.first_seq} and ${one.seq} in room ${one.room_id}`
      );
    case 'over_capacity':
      return `room ${one.room_id} has ${one.capacity} seats and had ${one.users.join(', ')} in it ${when(one)}`;
    case 'left_but_present':
      return `${one.told} was told ${when(one)} that ${one.user} left room ${one.room_id}, and that was not so`;
    case 'seat_lost':
      return `${one.user} had a seat in room ${one.room_id}, and was missing in what ${one.by} was told ${when(one)}`;
    case 'seat_left_over':
      return `${one.user} had no seat in room ${one.room_id}, and was in what ${one.by} was told ${when(one)}`;
    case 'kicked_but_connected':
      return `${one.user} was thrown out of room ${one.room_id} and still connected ${when(one)}`;
  }
}

function when({ at }: Moment): string {
  return `at ${Math.round(at)} ms`;
}

function at({ room_id, seq }: Place): string {
  return `seq ${seq} of room ${room_id}`;
}

function range({ room_id, seq, to }: Place & { readonly to: number }): string {
  return seq === to ? at({ room_id, seq }) : `seqs ${seq} to ${to} of room ${room_id}`;
}
