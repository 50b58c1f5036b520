import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Sent } from 'parlor/client';
import { createCompositionGuard } from '../parts/composition.js';
import { Icon } from './icons.js';

export interface ComposerProps {
  readonly id: string;
  readonly name: string;
  readonly drafts: Map<string, string>;
  readonly post: (text: string) => Promise<Sent>;
  readonly typing: () => void;
}

/** As the server counts: characters, not bytes. */
const LONGEST = 2_048;
/** How many are left is shown from here on. */
const NEAR = 200;

/** Where a message is written. Enter sends, Shift and Enter begin a new line. */
export function Composer({ id, name, drafts, post, typing }: ComposerProps) {
  const [text, setText] = useState(() => drafts.get(id) ?? '');
  const [trouble, setTrouble] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  const guard = useMemo(createCompositionGuard, []);
  const left = LONGEST - Array.from(text.trim()).length;

  useEffect(() => {
    // Where there is a keyboard on the screen, it would cover the room.
    if (matchMedia('(hover: hover)').matches) field.current?.focus();
  }, []);
  function change(now: string): void {
    setText(now);
    drafts.set(id, now);
  }
  function send(): void {
    const words = text.trim();
    if (words === '' || left < 0) return;
    change('');
    setTrouble('');
    post(words).catch((error: unknown) => {
      // Others are told beside the message.
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'outbox_full') return;
      setTrouble('Too many messages wait already: send this one when you are connected.');
      change(words);
    });
  }
  const note = left < 0 ? `${counted(-left)} too many` : left <= NEAR ? `${counted(left)} left` : trouble;
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
        field.current?.focus();
      }}
    >
      <div class="field" data-text={`${text}\n`}>
        <textarea
          id="message"
          ref={field}
          rows={1}
          dir="auto"
          aria-label={`Message to ${name}`}
          aria-describedby="message-note"
          aria-invalid={left < 0}
          placeholder="Write a message"
          enterkeyhint="send"
          autocomplete="off"
          value={text}
          onInput={(event) => {
            change(event.currentTarget.value);
            typing();
          }}
          onCompositionStart={guard.started}
          onCompositionEnd={guard.ended}
          onKeyUp={guard.released}
          onKeyDown={(event) => {
            // First, as it looks at every key.
            if (guard.takes(event) || event.key !== 'Enter' || event.shiftKey) return;
            event.preventDefault();
            send();
          }}
        />
      </div>
      <button
        class="send"
        type="submit"
        aria-label="Send"
        title="Send"
        disabled={text.trim() === '' || left < 0}
      >
        <Icon name="send" />
      </button>
      <p id="message-note" class={left < 0 || trouble !== '' ? 'note bad' : 'note'} role="status">
        {note}
      </p>
    </form>
  );
}

function counted(characters: number): string {
  return characters === 1 ? '1 character' : `${characters} characters`;
}
