import { useEffect, useState } from 'preact/hooks';
import { useMessages, useRoom } from 'parlor/react';
import { Composer } from './composer.js';
import { MessageList } from './message-list.js';
import { Refused, type RefusedProps } from './refused.js';
import { Typing } from './typing.js';

export interface TalkProps extends Pick<RefusedProps, 'leave' | 'again' | 'another'> {
  readonly id: string;
  readonly name: string;
  readonly user: string | null;
  /** What was begun to write, by room. */
  readonly drafts: Map<string, string>;
  /** What came after this seq is new. null: nothing is. */
  readonly readBefore: number | null;
  readonly seen: (id: string, seq: number) => void;
}

/** So many messages a page of history has. */
const PAGE_SIZE = 100;

/** What is said in a room that has let us in, and a place to write, as long as it does. */
export function Talk({ id, name, user, drafts, readBefore, seen, ...ways }: TalkProps) {
  const { room, error, policy } = useRoom(id);
  const { error: failure, post, ...view } = useMessages(id, { pageSize: PAGE_SIZE });
  // Once for each visit, so that the line does not move while it is read.
  const [line] = useState(readBefore);
  const [isAtEnd, setAtEnd] = useState(true);
  // Not that of the last message: in a room where nothing was said yet there is something to have seen, too.
  const newest = room.seq;
  useEffect(() => {
    const look = (): void => {
      if (newest !== null && isAtEnd && document.visibilityState === 'visible') seen(id, newest);
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [id, newest, isAtEnd, seen]);
  return (
    <>
      <MessageList
        name={name}
        messages={view.messages}
        user={user}
        readBefore={line}
        hasOlder={view.hasOlder}
        failure={failure}
        isLoading={view.isLoading}
        loadOlder={view.loadOlder}
        setAtEnd={setAtEnd}
        retry={view.retry}
        discard={view.discard}
      />
      <Typing id={id} />
      {error ? (
        <Refused {...ways} error={error} seats={policy?.capacity ?? null} id={id} isSmall />
      ) : (
        <Composer id={id} name={name} drafts={drafts} post={post} typing={room.typing} />
      )}
    </>
  );
}
