import type { MessagePosted } from './events.js';

/** A message as HTTP and WebSocket show it. */
export interface Message {
  readonly id: string;
  readonly room_id: string;
  readonly seq: number;
  readonly user: string | null;
  readonly text: string;
  readonly created_at: string;
}

export function toMessage(event: MessagePosted): Message {
  const { event_id: id, room_id, seq, user, text, at: created_at } = event;
  return { id, room_id, seq, user, text, created_at };
}
