import type { Client, Frame, Parlor } from '../../support/parlor.js';

/** The seqs of the messages a client has been shown, in the order in which they came. */
export function seqs(client: Client): number[] {
  return client.of('message').map(({ seq }) => Number(seq));
}

/** The texts of the messages a client has been shown, in the order in which they came. */
export function texts(client: Client): string[] {
  return client.of('message').map(({ text }) => String(text));
}

/** `count` whole numbers from 1 on. */
export function oneTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

export interface RoomAsRead {
  readonly room_id: string;
  readonly status: string;
  readonly policy: Readonly<Record<string, unknown>>;
  readonly members: readonly string[];
  readonly member_count: number;
  readonly head_seq: number;
}

export async function readRoom(parlor: Parlor, room: string): Promise<RoomAsRead> {
  return (await (await parlor.get(`/api/rooms/${room}`)).json()) as RoomAsRead;
}

export interface ProblemAsRead {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** The problem document of an answer. */
export async function problemOf(answer: Response): Promise<ProblemAsRead> {
  return (await answer.json()) as ProblemAsRead;
}

/** How an attempt to join ended: "welcome", or the code of the error and the close code. */
export async function attempt(client: Client): Promise<string> {
  const outcome = await Promise.race([client.next('welcome'), client.closed]);
  if ('type' in outcome) return 'welcome';
  const last = client.frames.at(-1) as Frame | undefined;
  return `${String(last?.['code'])} ${outcome.code}`;
}

export interface MessageAsRead {
  readonly id: string;
  readonly seq: number;
  readonly user: string | null;
  readonly text: string;
}

/** All messages of a room, the oldest first, page by page over HTTP. */
export async function readHistory(parlor: Parlor, room: string): Promise<MessageAsRead[]> {
  const messages: MessageAsRead[] = [];
  for (let after = 0; ;) {
    const answer = await parlor.get(`/api/rooms/${room}/messages?after=${after}&limit=200`);
    const page = (await answer.json()) as { messages: MessageAsRead[]; next: number | null };
    messages.push(...page.messages);
    if (page.next === null) return messages;
    after = page.next;
  }
}

/** Why the node is not ready, or null when it is. */
export async function unready(parlor: Parlor): Promise<string | null> {
  const answer = await parlor.get('/health/ready');
  const text = await answer.text();
  return answer.status === 200 ? null : text;
}
