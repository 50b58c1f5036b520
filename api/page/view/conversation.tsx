import { memo } from 'preact/compat';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { useMembers, useMessages, useRoom } from 'parlor/react';
import { nameOf } from '../parts/room-names.js';
import { Composer } from './composer.js';
import { Share } from './dialogs.js';
import { Icon } from './icons.js';
import { Members } from './members.js';
import { MessageList } from './message-list.js';
import { Refused } from './refused.js';
import { Typing } from './typing.js';
import { useAnnouncements } from './use-announcements.js';
import { useMedia } from './use-media.js';

export interface ConversationProps {
  readonly id: string;
  readonly user: string | null;
  /** What was begun to write, by room. */
  readonly drafts: Map<string, string>;
  readonly seen: (id: string, seq: number) => void;
  readonly leave: (id: string) => void;
  readonly again: (id: string) => void;
  readonly another: () => void;
}

/** So many messages a page of history has. */
const PAGE_SIZE = 100;
/** From this width on the members stand beside the conversation. */
const WIDE = '(min-width: 1080px)';

/** One room: what is said in it, who is there, and a place to write. */
export const Conversation = memo(function Conversation(props: ConversationProps) {
  const { id, user, drafts, seen, leave, again, another } = props;
  const { room, status, error, policy } = useRoom(id);
  const { messages, post, retry, discard, loadOlder, hasOlder, isLoading } = useMessages(id, {
    pageSize: PAGE_SIZE,
  });
  const { memberCount } = useMembers(id);
  const [isSharing, setSharing] = useState(false);
  const isWide = useMedia(WIDE);
  const [choice, setChoice] = useState<{ readonly isWide: boolean; readonly isOpen: boolean } | null>(null);
  const membersButton = useRef<HTMLButtonElement>(null);
  const { name, kind } = nameOf(id);
  const announcement = useAnnouncements(room, user);
  // Once for each visit, so that the line does not move while it is read.
  const [readBefore] = useState(() => room.seq);

  // Not that of the last message: in a room where nothing was said yet there is something to have seen, too.
  const newest = room.seq;
  const [isAtEnd, setAtEnd] = useState(true);
  useEffect(() => {
    const look = (): void => {
      if (newest !== null && isAtEnd && document.visibilityState === 'visible') seen(id, newest);
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [id, newest, isAtEnd, seen]);

  const closeMembers = useCallback(() => {
    setChoice({ isWide, isOpen: false });
    membersButton.current?.focus();
  }, [isWide]);
  const capacity = policy?.capacity ?? null;
  const isIn = status === 'joined' || messages.length > 0;
  // Beside the conversation unless somebody closes them; over it when somebody asks.
  const hasMembers = isIn && (choice?.isWide === isWide ? choice.isOpen : isWide);
  return (
    <main id="talk" tabIndex={-1} class="conversation" aria-label={`Room ${name}`}>
      <header class="bar">
        <a class="round back" href="#" aria-label="All rooms">
          <Icon name="back" />
        </a>
        <div class="title">
          <h1>
            <bdi>{name}</bdi>
            {kind !== '' && <small class="kind">{kind}</small>}
          </h1>
          <p>
            {status === 'joined'
              ? capacity === null || capacity > 20
                ? `${memberCount} here`
                : `${memberCount} of ${capacity} seats taken`
              : status === 'refused'
                ? 'Not in the room'
                : isIn
                  ? 'Waiting for the connection'
                  : 'Coming in …'}
          </p>
        </div>
        <button class="button" type="button" onClick={() => setSharing(true)}>
          <Icon name="share" />
          <span class="words">Share this room</span>
        </button>
        <button
          ref={membersButton}
          class="round"
          type="button"
          aria-expanded={hasMembers}
          aria-controls="members"
          aria-label="Members"
          title="Members"
          onClick={() => setChoice({ isWide, isOpen: !hasMembers })}
        >
          <Icon name="people" />
        </button>
      </header>
      <div class="columns">
        <div class="talk">
          {error && !isIn ? (
            <Refused error={error} seats={capacity} id={id} leave={leave} again={again} another={another} />
          ) : (
            <>
              <MessageList
                name={name}
                messages={messages}
                user={user}
                readBefore={readBefore}
                hasOlder={hasOlder}
                isLoading={isLoading || (status !== 'joined' && messages.length === 0)}
                loadOlder={loadOlder}
                setAtEnd={setAtEnd}
                retry={retry}
                discard={discard}
              />
              <Typing id={id} />
              {error ? (
                <Refused
                  error={error}
                  seats={capacity}
                  id={id}
                  leave={leave}
                  again={again}
                  another={another}
                  isSmall
                />
              ) : (
                <Composer
                  key={id}
                  id={id}
                  name={name}
                  drafts={drafts}
                  post={post}
                  typing={() => room.typing()}
                />
              )}
            </>
          )}
        </div>
        {hasMembers && <Members id={id} user={user} isOver={!isWide} close={closeMembers} leave={leave} />}
      </div>
      <div class="sr" role="status">
        {announcement}
      </div>
      {isSharing && <Share id={id} close={() => setSharing(false)} />}
    </main>
  );
});
