import { memo } from 'preact/compat';
import type { ShownMessage } from 'parlor/react';
import type { Chunk } from '../parts/chunks.js';
import { placeOf } from '../parts/grouping.js';
import { piecesOf } from '../parts/links.js';
import { failureOf } from '../parts/words.js';
import { Avatar, Icon } from './icons.js';

export interface MessageActions {
  readonly retry: (id: string) => Promise<unknown>;
  readonly discard: (id: string) => void;
}

export interface ChunkProps extends MessageActions {
  readonly chunk: Chunk<ShownMessage>;
  readonly user: string | null;
  /** The line “New” stands before the first message after this one. null: nowhere. */
  readonly readBefore: number | null;
}

/** Messages in a row. Drawn again only if one of them has changed. */
export const MessageChunk = memo(function MessageChunk({
  chunk,
  user,
  readBefore,
  retry,
  discard,
}: ChunkProps) {
  return (
    <ol class="chunk" data-key={chunk.key}>
      {chunk.messages.map((message, i) => (
        <Message
          key={message.id}
          message={message}
          before={chunk.messages[i - 1] ?? chunk.before}
          isMine={message.user === user}
          readBefore={readBefore}
          retry={retry}
          discard={discard}
        />
      ))}
    </ol>
  );
});

interface MessageProps extends MessageActions {
  readonly message: ShownMessage;
  readonly before: ShownMessage | null;
  readonly isMine: boolean;
  readonly readBefore: number | null;
}

function Message({ message, before, isMine, readBefore, retry, discard }: MessageProps) {
  const { isNewDay, isFirst } = placeOf(message, before);
  const { id, seq, user, text, created_at, state, error } = message;
  const isFailed = state === 'failed';
  const isNew =
    readBefore !== null && isAfter(seq, readBefore) && !isAfter(before?.seq ?? readBefore, readBefore);
  const name = user ?? 'A service';
  return (
    <li
      class={`message${isMine ? ' mine' : ''}${isFirst ? ' first' : ''}${isFailed ? ' failed' : ''}`}
      data-id={id}
    >
      {isNewDay && (
        <p class="day">
          <span>{dayOf(created_at)}</span>
        </p>
      )}
      {isNew && (
        <p class="new">
          <span>New</span>
        </p>
      )}
      <div class="line">
        {!isMine && (isFirst ? <Avatar name={name} /> : <span class="avatar none" />)}
        <div class="bubble">
          <p class={isMine || !isFirst ? 'sr' : 'author'}>
            <bdi>{isMine ? 'You' : name}</bdi>
          </p>
          <div class="said">
            <p class="text" dir="auto">
              {piecesOf(text).map(({ text: words, href }) =>
                href === null ? (
                  words
                ) : (
                  <a href={href} target="_blank" rel="noopener noreferrer">
                    {words}
                  </a>
                ),
              )}
            </p>
            <p class="meta">
              <time dateTime={created_at} title={EXACT.format(new Date(created_at))}>
                {timeOf(created_at)}
              </time>
              {isMine && <State state={state} />}
            </p>
          </div>
        </div>
      </div>
      {isFailed && (
        <p class="failure">
          <Icon name="alert" />
          <span>Not sent: {error ? failureOf(error) : 'nobody knows why'}.</span>
          <button class="plain" type="button" onClick={() => void retry(id).catch(ignored)}>
            Try again
          </button>
          <button class="plain" type="button" onClick={() => discard(id)}>
            Delete
          </button>
        </p>
      )}
    </li>
  );
}

function isAfter(seq: number | null, mark: number): boolean {
  return seq !== null && seq > mark;
}

/** What becomes of it is shown in the message. */
const ignored = (): void => undefined;

function State({ state }: Pick<ShownMessage, 'state'>) {
  const [icon, words] =
    state === 'sending'
      ? (['clock', 'Sending'] as const)
      : state === 'failed'
        ? (['alert', 'Not sent'] as const)
        : (['check', 'Sent'] as const);
  return (
    <span class={`state ${state ?? 'sent'}`} title={words}>
      <Icon name={icon} />
      <span class="sr">{words}</span>
    </span>
  );
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
});
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const NEAR = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

function timeOf(time: string): string {
  return TIME.format(new Date(time));
}

function dayOf(time: string): string {
  const day = new Date(time);
  const ago = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(day).setHours(0, 0, 0, 0)) / 86_400_000);
  if (ago > 1) return DAY.format(day);
  const words = NEAR.format(-ago, 'day');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
