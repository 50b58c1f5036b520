import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { hashOf, nameOf, roomMeant, type Kind } from '../parts/room-names.js';
import type { Changes, Kept, Theme } from '../parts/storage.js';
import { Icon } from './icons.js';

interface DialogProps {
  readonly title: string;
  readonly close: () => void;
  readonly children: ComponentChildren;
}

/** The browser keeps the focus inside, closes it with Escape, and gives the focus back. */
function Dialog({ title, close, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby="dialog-title"
      onClose={close}
      onClick={(event) => {
        if (event.target === element.current) close();
      }}
    >
      <div class="dialog">
        <header>
          <h2 id="dialog-title">{title}</h2>
          <button class="round" type="button" aria-label="Close" onClick={close}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

const KINDS: readonly { readonly kind: Kind; readonly title: string; readonly text: string }[] = [
  { kind: 'group', title: 'For a group', text: 'up to 256 people' },
  { kind: 'pair', title: 'For two', text: 'and no third' },
  { kind: 'channel', title: 'For everybody', text: 'no limit' },
];

export function AddRoom({ close }: { readonly close: () => void }) {
  const [words, setWords] = useState('');
  const [kind, setKind] = useState<Kind>('group');
  const id = roomMeant(words, kind);
  const isFixed = id !== null && /[:#]/.test(words);
  return (
    <Dialog title="Add a room" close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (id === null) return;
          location.hash = hashOf(id);
          close();
        }}
      >
        <label for="room-name">Name, or a link that somebody shared</label>
        <input
          id="room-name"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          aria-describedby="room-hint"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <p id="room-hint" class="hint">
          {id !== null ? (
            <>
              Opens <code>{id}</code>. If it does not exist yet, it begins with you.
            </>
          ) : words.trim() === '' ? (
            'If it does not exist yet, it begins with you.'
          ) : (
            'Letters from A to Z, digits, and . _ - can be in a name.'
          )}
        </p>
        <fieldset class="kinds" disabled={isFixed}>
          <legend>Who fits in</legend>
          {KINDS.map(({ kind: one, title, text }) => (
            <label key={one} class="choice">
              <input type="radio" name="kind" checked={kind === one} onChange={() => setKind(one)} />
              <span>
                {title} <small>{text}</small>
              </span>
            </label>
          ))}
        </fieldset>
        <button class="primary" type="submit" disabled={id === null}>
          Open the room
        </button>
      </form>
    </Dialog>
  );
}

export function Share({ id, close }: { readonly id: string; readonly close: () => void }) {
  const link = new URL(hashOf(id), new URL('.', location.href)).href;
  const [note, setNote] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const isHere = /^(localhost|127\.|\[::1\])/.test(location.hostname);
  async function copy(): Promise<void> {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(link);
      setNote('Copied.');
    } catch {
      // Without TLS, or not allowed.
      setNote('Press Ctrl+C, or ⌘C, to copy it.');
    }
  }
  return (
    <Dialog title="Share this room" close={close}>
      <p>
        Whoever opens this link, and gives a name, is in <bdi>{nameOf(id).name}</bdi> with you.
      </p>
      <div class="copy">
        <input
          ref={field}
          readOnly
          aria-label="Link to this room"
          value={link}
          onFocus={(event) => event.currentTarget.select()}
        />
        <button class="primary" type="button" onClick={() => void copy()}>
          Copy
        </button>
      </div>
      <p class="hint" role="status">
        {note}
      </p>
      {isHere && (
        <p class="hint">
          This server listens on this computer only, so the link works in browsers here. Open it in a second
          window to try.
        </p>
      )}
    </Dialog>
  );
}

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export interface YouProps {
  readonly kept: Kept;
  readonly change: Changes;
  readonly user: string | null;
  /** null: there is no token. */
  readonly signOut: (() => void) | null;
  readonly close: () => void;
}

export function You({ kept, change, user, signOut, close }: YouProps) {
  const [name, setName] = useState(kept.name ?? '');
  const value = name.trim();
  return (
    <Dialog title="You" close={close}>
      {signOut ? (
        <p>
          Your token says that you are <bdi>{user}</bdi>.{' '}
          <button class="button" type="button" onClick={signOut}>
            Use another token
          </button>
        </p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            change((now) => ({ ...now, name: value === '' ? null : value, isKnown: true }));
            close();
          }}
        >
          <label for="your-name">Your name</label>
          <div class="copy">
            <input
              id="your-name"
              dir="auto"
              autocomplete="nickname"
              placeholder="A guest"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
            <button class="primary" type="submit" disabled={value === (kept.name ?? '')}>
              Change
            </button>
          </div>
        </form>
      )}
      <fieldset class="kinds">
        <legend>Colours</legend>
        {THEMES.map(([theme, title]) => (
          <label key={theme} class="choice">
            <input
              type="radio"
              name="theme"
              checked={kept.theme === theme}
              onChange={() => change((now) => ({ ...now, theme }))}
            />
            <span>{title}</span>
          </label>
        ))}
      </fieldset>
    </Dialog>
  );
}
