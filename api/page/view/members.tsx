import { useEffect, useRef } from 'preact/hooks';
import { useMembers } from 'parlor/react';
import { Avatar, Icon } from './icons.js';

export interface MembersProps {
  readonly id: string;
  readonly user: string | null;
  /** It covers the conversation, and takes the focus. */
  readonly isOver: boolean;
  readonly close: () => void;
  readonly leave: (id: string) => void;
}

export function Members({ id, user, isOver, close, leave }: MembersProps) {
  const { members, memberCount } = useMembers(id);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isOver) heading.current?.focus();
  }, [isOver]);
  const hidden = memberCount - members.length;
  return (
    <aside
      id="members"
      class="members"
      aria-labelledby="members-title"
      onKeyDown={(event) => {
        if (event.key === 'Escape') close();
      }}
    >
      <header>
        <h2 id="members-title" ref={heading} tabIndex={-1}>
          Here now <span class="count">{memberCount}</span>
        </h2>
        <button class="round close" type="button" aria-label="Close the members" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <ul tabIndex={0} aria-labelledby="members-title">
        {[...members]
          .sort((a, b) => Number(b === user) - Number(a === user))
          .map((name) => (
            <li key={name}>
              <span class="presence">
                <Avatar name={name} />
              </span>
              <bdi>{name}</bdi>
              {name === user && <small>you</small>}
            </li>
          ))}
        {hidden > 0 && (
          <li class="quiet">{members.length === 0 ? `${hidden} people` : `and ${hidden} more`}</li>
        )}
      </ul>
      <footer>
        <button class="button" type="button" onClick={() => leave(id)}>
          Leave this room
        </button>
      </footer>
    </aside>
  );
}
