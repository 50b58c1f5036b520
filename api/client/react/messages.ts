import { useSyncExternalStore } from 'react';
import { useJoined } from './room.js';
import { timelineOf } from './timeline.js';
import type { MessagesView } from './types.js';

/** The messages of a room: history page by page, live, and ours on their way; joined while this is mounted. */
export function useMessages(
  id: string,
  { pageSize = 50 }: { readonly pageSize?: number } = {},
): MessagesView {
  const { watch, view } = timelineOf(useJoined(id), pageSize);
  return useSyncExternalStore(watch, view, view);
}
