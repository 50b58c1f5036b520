import type { ReactNode } from 'react';
import type {
  ConnectOptions,
  Connection,
  Policy,
  ParlorError,
  Room,
  RoomStatus,
  Sent,
  Status,
} from '../index.js';

export type ParlorProviderProps =
  | {
      readonly children?: ReactNode;
      readonly connection: Connection;
      readonly url?: never;
      readonly options?: never;
    }
  | {
      readonly children?: ReactNode;
      readonly connection?: never;
      readonly url: string;
      /** Read when a connection is made: at first, and when `url`, `options.user` or `options.token` changes. */
      readonly options?: ConnectOptions;
    };

export interface ConnectionView {
  readonly connection: Connection;
  readonly status: Status;
  readonly error: ParlorError | null;
  readonly user: string | null;
  readonly transport: Connection['transport'];
}

export interface RoomView {
  readonly room: Room;
  readonly status: RoomStatus;
  readonly error: ParlorError | null;
  readonly policy: Policy | null;
  readonly memberCount: number;
}

/** A message to show. */
export interface ShownMessage {
  readonly id: string;
  readonly room_id: string;
  /** null: on its way. */
  readonly seq: number | null;
  readonly user: string | null;
  readonly text: string;
  readonly created_at: string;
  /** null: it came from the room. */
  readonly state: 'sending' | 'sent' | 'failed' | null;
  readonly error: ParlorError | null;
}

export interface MessagesView {
  /** Ascending: history as far as it was loaded, live messages, then ours on their way. Unchanged ones stay the same objects. */
  readonly messages: readonly ShownMessage[];
  readonly post: (text: string) => Promise<Sent>;
  readonly retry: (id: string) => Promise<Sent>;
  readonly discard: (id: string) => void;
  /** Loads the page before; has no effect while one is being loaded, or if there is none. Never rejects: see `error`. */
  readonly loadOlder: () => Promise<void>;
  readonly hasOlder: boolean;
  readonly isLoading: boolean;
  /** Why the last page could not be loaded. */
  readonly error: ParlorError | null;
}

export interface MembersView {
  readonly members: readonly string[];
  readonly memberCount: number;
}

export interface TypingView {
  /** Others who are typing now. */
  readonly users: readonly string[];
  /** Call it on each key. */
  readonly typing: () => void;
}
