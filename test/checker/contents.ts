import type { Attempt, Message } from './history.js';

/** Whether this attempt asked for just this message in this room. */
export function asksFor(attempt: Attempt, room_id: string, message: Message): boolean {
  return differences([attempt], room_id, message) === null;
}

/**
 * How a message differs from what was posted under its id, compared with the attempt that is nearest; null where one
 * asked for just this message.
 */
export function differences(attempts: readonly Attempt[], room_id: string, message: Message): string | null {
  const found = attempts.map((attempt) => {
    const elsewhere = attempt.room_id === room_id ? null : `posted into room ${attempt.room_id}`;
    return [elsewhere, differenceOf(attempt, message)].filter((part) => part !== null);
  });
  const [nearest] = found.sort((a, b) => a.length - b.length);
  if (!nearest) return 'never posted';
  return nearest.length === 0 ? null : nearest.join(', ');
}

/** How a message differs from what it should be, or null. */
export function differenceOf(
  expected: Pick<Message, 'user' | 'text'>,
  actual: Pick<Message, 'user' | 'text'>,
): string | null {
  const parts: string[] = [];
  if (expected.user !== actual.user) parts.push(`user ${quoted(actual.user)}, not ${quoted(expected.user)}`);
  if (expected.text !== actual.text) parts.push(`text ${quoted(actual.text)}, not ${quoted(expected.text)}`);
  return parts.length === 0 ? null : parts.join(', ');
}

function quoted(text: string | null): string {
  const shown = JSON.stringify(text);
  return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
}
