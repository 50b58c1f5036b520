import { useState } from 'preact/hooks';
import { nameOf, roomInHash } from '../parts/room-names.js';
import { Logo } from './icons.js';

export interface EntranceProps {
  readonly needsToken: boolean;
  /** Why somebody who was in is asked again. */
  readonly complaint: string | null;
  readonly name: string | null;
  /** null: as a guest. */
  readonly enter: (nameOrToken: string | null) => void;
}

/** Where a name is asked for once, or a token. */
export function Entrance({ needsToken, complaint, name, enter }: EntranceProps) {
  const [given, setGiven] = useState(needsToken ? '' : (name ?? ''));
  const room = roomInHash(location.hash);
  const value = given.trim();
  const isTooLong = !needsToken && Array.from(value).length > 64;
  return (
    <main class="entrance">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          if (value !== '' && !isTooLong) enter(value);
        }}
      >
        <Logo />
        <h1>
          {room === null ? (
            'Welcome to Parlor'
          ) : (
            <>
              Come in to <bdi>{nameOf(room).name}</bdi>
            </>
          )}
        </h1>
        <p class="quiet">
          {needsToken
            ? 'This server takes people with a token only.'
            : room === null
              ? 'Rooms to talk in. All it takes is a name.'
              : 'Somebody has shared this room with you. All it takes is a name.'}
        </p>
        {complaint !== null && (
          <p class="complaint" role="alert">
            {needsToken ? 'That token does not hold: ' : 'The server did not take you: '}
            {complaint}
          </p>
        )}
        {needsToken ? (
          <>
            <label for="token">Your token</label>
            <textarea
              id="token"
              rows={4}
              spellcheck={false}
              autocomplete="off"
              aria-describedby="token-help"
              value={given}
              onInput={(event) => setGiven(event.currentTarget.value)}
            />
            <p id="token-help" class="hint">
              You have none? Whoever runs this server gives you one, or a link with it. With the shell of the
              server: <code>parlor token make your-name</code>. It is forgotten when you close this tab.
            </p>
          </>
        ) : (
          <>
            <label for="name">Your name</label>
            <input
              id="name"
              dir="auto"
              autocomplete="nickname"
              autofocus
              aria-invalid={isTooLong}
              aria-describedby="name-help"
              value={given}
              onInput={(event) => setGiven(event.currentTarget.value)}
            />
            <p id="name-help" class="hint">
              {isTooLong
                ? 'A name has at most 64 characters.'
                : 'What others see. It is kept in this browser.'}
            </p>
          </>
        )}
        <button class="primary" type="submit" disabled={value === '' || isTooLong}>
          Come in
        </button>
        {!needsToken && (
          <button class="plain" type="button" onClick={() => enter(null)}>
            Or stay a guest
          </button>
        )}
      </form>
    </main>
  );
}
