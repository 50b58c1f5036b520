import { memo } from 'preact/compat';
import { useCallback, useRef, useState } from 'preact/hooks';
import { useRoom } from 'parlor/react';
import { nameOf } from '../parts/room-names.js';
import { Share } from './dialogs.js';
import { Icon } from './icons.js';
import { Members } from './members.js';
import { Refused } from './refused.js';
import { Talk, type TalkProps } from './talk.js';
import { useAnnouncements } from './use-announcements.js';
import { useMedia } from './use-media.js';

export type ConversationProps = Omit<TalkProps, 'name'>;

/** From this width on the members stand beside the conversation. */
const WIDE = '(min-width: 1080px)';

/** One room: what is said in it, who is there, and a place to write. */
export const Conversation = memo(function Conversation(props: ConversationProps) {
  const { id, user, leave, again, another } = props;
  const { room, status, error, policy, memberCount } = useRoom(id);
  const [isSharing, setSharing] = useState(false);
  const isWide = useMedia(WIDE);
  const [choice, setChoice] = useState<{ readonly isWide: boolean; readonly isOpen: boolean } | null>(null);
  const membersButton = useRef<HTMLButtonElement>(null);
  const { name, kind } = nameOf(id);
  const announcement = useAnnouncements(room, user);
  const closeMembers = useCallback(() => {
    setChoice({ isWide, isOpen: false });
    membersButton.current?.focus();
  }, [isWide]);
  const capacity = policy?.capacity ?? null;
  // Who was in, and is not any more, still sees what was said. Nothing is read before: what is said until we are in would be
  // neither in the history that was read nor told.
  const [wasIn, setWasIn] = useState(false);
  if (status === 'joined' && !wasIn) setWasIn(true);
  const isIn = status === 'joined' || wasIn;
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
          {isIn ? (
            <Talk {...props} name={name} />
          ) : error ? (
            <Refused error={error} seats={capacity} id={id} leave={leave} again={again} another={another} />
          ) : (
            <p class="empty">Coming in …</p>
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
