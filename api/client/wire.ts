import type { Failure } from './errors.js';
import type { Fact, Message, Policy } from './types.js';

/** What the server says of one room, whatever the transport. */
export type RoomFrame = { readonly room: string } & (
  | {
      readonly type: 'welcome';
      readonly user: string;
      readonly members: readonly string[];
      readonly member_count: number;
      readonly head_seq: number;
      readonly policy: Policy;
      readonly resume?: string;
      readonly recovered?: boolean;
    }
  | ({ readonly type: 'message' } & Message)
  | Fact
  | { readonly type: 'joined' | 'left' | 'typing'; readonly user: string }
  | { readonly type: 'members'; readonly members: readonly string[]; readonly member_count: number }
  | { readonly type: 'ack'; readonly id: string; readonly seq: number }
  | { readonly type: 'queued'; readonly id: string }
  | Refusal
  /** Without a code we have asked for it. */
  | ({ readonly type: 'unsubscribed' } & Partial<Failure>)
);

/** Why something was not done. `id`: of the post it is about. */
export type Refusal = { readonly type: 'error'; readonly id?: string } & Failure;

/** What the server says of the connection. `room` is not there. */
export type ConnectionFrame = { readonly room?: undefined } & (
  | { readonly type: 'hello'; readonly user: string; readonly resume?: string }
  | { readonly type: 'pong' | 'refreshed' }
  | Refusal
);
export type ServerFrame = RoomFrame | ConnectionFrame;

export type ClientFrame =
  | { readonly type: 'subscribe'; readonly room: string; readonly since?: number | undefined }
  | { readonly type: 'unsubscribe' | 'typing'; readonly room: string }
  | { readonly type: 'post'; readonly room: string; readonly id: string; readonly text: string }
  | { readonly type: 'refresh'; readonly token: string };
