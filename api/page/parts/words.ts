/** What is looked at of a ParlorError. */
interface Failure {
  readonly code: string;
  readonly message: string;
  readonly retry: boolean;
}

/** What is told in place of a room that does not let us in. */
export interface Refusal {
  readonly title: string;
  readonly text: string;
  /** `wait`: it is tried again by itself. `again`: the person may try. */
  readonly way: 'wait' | 'again';
}

/** Kind words for a room that does not let us in. `seats`: how many it has, if that is known. */
export function refusalOf({ code, message, retry }: Failure, seats: number | null = null): Refusal {
  switch (code) {
    case 'room_full':
      return {
        title: 'This room is full',
        text:
          seats === null
            ? 'Every seat is taken right now. As soon as one is free you are let in: there is nothing you have to do.'
            : `All ${seats} seats are taken right now. As soon as one is free you are let in: there is nothing you have to do.`,
        way: 'wait',
      };
    case 'room_closed':
      return {
        title: 'This room is closed',
        text: 'Nobody can talk here any more, unless somebody opens it again.',
        way: 'again',
      };
    case 'room_not_found':
      return { title: 'There is no such room', text: 'Perhaps its name is spelt differently.', way: 'again' };
    case 'forbidden':
      return {
        title: 'You are not in this room',
        text: `You were removed from it, or are not allowed in. The server says: ${message}.`,
        way: 'again',
      };
    case 'rate_limited':
      return {
        title: 'Too many people at once',
        text: 'It is your turn in a moment: this page keeps trying.',
        way: 'wait',
      };
    default:
      return {
        title: 'This room cannot be reached',
        text: retry ? 'This page keeps trying.' : `The server says: ${message}.`,
        way: retry ? 'wait' : 'again',
      };
  }
}

/** Why a message was not sent, as the end of “Not sent: …”. */
export function failureOf({ code, message }: Failure): string {
  switch (code) {
    case 'forbidden':
      return 'you may not post here';
    case 'room_closed':
      return 'the room is closed';
    case 'room_full':
      return 'the room is full';
    case 'rate_limited':
      return 'too many messages at once';
    case 'unauthorized':
      return 'your token does not hold any more';
    default:
      return message;
  }
}

/** Who is typing, in a line that does not grow with their number. '' for nobody. */
export function typingOf(users: readonly string[]): readonly (string | { readonly name: string })[] {
  const [a, b, ...rest] = users.map((name) => ({ name }));
  if (!a) return [];
  if (!b) return [a, ' is typing'];
  const [c] = rest;
  if (!c) return [a, ' and ', b, ' are typing'];
  return rest.length === 1
    ? [a, ', ', b, ' and ', c, ' are typing']
    : [a, ', ', b, ` and ${rest.length} others are typing`];
}

/** What is said aloud of messages that came within a moment: each of a few, or how many. */
export function announcementOf(
  messages: readonly { readonly user: string | null; readonly text: string }[],
): string {
  if (messages.length > 2) return `${messages.length} new messages`;
  return messages.map(({ user, text }) => `${user ?? 'A service'}: ${text.slice(0, 300)}`).join('. ');
}
