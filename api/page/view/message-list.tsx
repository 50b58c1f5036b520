import { memo } from 'preact/compat';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { ParlorError } from 'parlor/client';
import type { ShownMessage } from 'parlor/react';
import { chunksOf, type Chunk } from '../parts/chunks.js';
import { Icon } from './icons.js';
import { MessageChunk, type MessageActions } from './message.js';
import { useWindow } from './use-window.js';

export interface MessageListProps extends MessageActions {
  readonly name: string;
  readonly messages: readonly ShownMessage[];
  readonly user: string | null;
  readonly readBefore: number | null;
  readonly hasOlder: boolean;
  /** Why older messages could not be loaded. */
  readonly failure: ParlorError | null;
  readonly isLoading: boolean;
  readonly loadOlder: () => Promise<void>;
  readonly setAtEnd: (isAtEnd: boolean) => void;
}

/** Older messages are asked for when so little is left above, px. */
const NEAR_TOP = 1_000;

/** What was said. Only what is near the screen is in the document, so ten thousand messages scroll like ten. */
export const MessageList = memo(function MessageList(props: MessageListProps) {
  const {
    name,
    messages,
    user,
    readBefore,
    hasOlder,
    failure,
    isLoading,
    loadOlder,
    setAtEnd,
    retry,
    discard,
  } = props;
  const last = useRef<readonly Chunk<ShownMessage>[]>([]);
  const chunks = useMemo(() => (last.current = chunksOf(messages, last.current)), [messages]);
  const { scroller, list, drawn, isAtEnd, distance, toEnd, scrolled } = useWindow(chunks);

  useEffect(() => setAtEnd(isAtEnd), [isAtEnd]);
  useEffect(() => {
    // After a failure somebody has to ask: it would be tried without end.
    if (hasOlder && !isLoading && !failure && distance < NEAR_TOP) void loadOlder();
  }, [hasOlder, isLoading, failure, distance < NEAR_TOP, messages]);

  const isEmpty = messages.length === 0 && !isLoading;
  return (
    <div class="scroll-box">
      {/* What comes is said by a live region of its own: pages of history would be read out here. */}
      <div
        ref={scroller}
        class="scroller"
        role="log"
        aria-live="off"
        aria-label={`Messages in ${name}`}
        tabIndex={0}
        onScroll={scrolled}
      >
        {failure && !isLoading ? (
          <p class="beginning">
            Older messages could not be loaded.{' '}
            <button class="plain" type="button" onClick={() => void loadOlder()}>
              Try again
            </button>
          </p>
        ) : (
          <p class="beginning">
            {isLoading ? 'Loading …' : hasOlder || isEmpty ? '' : 'This is where it begins.'}
          </p>
        )}
        {isEmpty && (
          <p class="empty">
            Nothing has been said here yet.
            <br />
            Write the first message, or share the room.
          </p>
        )}
        <div ref={list} class="list">
          <div class="space" style={{ height: `${drawn.above}px` }} />
          {chunks.slice(drawn.first, drawn.end).map((chunk) => (
            <MessageChunk
              key={chunk.key}
              chunk={chunk}
              user={user}
              readBefore={readBefore}
              retry={retry}
              discard={discard}
            />
          ))}
          <div class="space" style={{ height: `${drawn.below}px` }} />
        </div>
      </div>
      {!isAtEnd && (
        <button class="to-end" type="button" onClick={toEnd}>
          <Icon name="down" />
          Newest
        </button>
      )}
    </div>
  );
});
