import { refusalOf } from '../parts/words.js';
import type { ParlorError } from 'parlor/client';
import { Icon } from './icons.js';

export interface RefusedProps {
  readonly error: ParlorError;
  readonly seats: number | null;
  readonly id: string;
  readonly leave: (id: string) => void;
  readonly again: (id: string) => void;
  readonly another: () => void;
  /** Below messages that are still there to be read. */
  readonly isSmall?: boolean;
}

/** In place of a room that does not let us in: why, and what to do. */
export function Refused({ error, seats, id, leave, again, another, isSmall = false }: RefusedProps) {
  const { title, text, way } = refusalOf(error, seats);
  return (
    <section class={isSmall ? 'refused small' : 'refused'} role="status">
      {!isSmall && (
        <span class="picture">
          <Icon name={error.code === 'room_full' ? 'seat' : 'door'} />
        </span>
      )}
      <h2>{title}</h2>
      <p>{text}</p>
      {way === 'wait' && (
        <p class="waiting">
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          Waiting
        </p>
      )}
      <p class="actions">
        {way === 'again' && (
          <button class="primary" type="button" onClick={() => again(id)}>
            Try to come in
          </button>
        )}
        <button class={way === 'wait' ? 'primary' : 'button'} type="button" onClick={another}>
          Open another room
        </button>
        <button class="button" type="button" onClick={() => leave(id)}>
          Take it off the list
        </button>
      </p>
    </section>
  );
}

/** On a wide screen, while no room is chosen. */
export function Nowhere({ add }: { readonly add: () => void }) {
  return (
    <main class="conversation nowhere">
      <section class="refused">
        <span class="picture">
          <Icon name="door" />
        </span>
        <h2>Choose a room</h2>
        <p>Or open a new one, and share its link.</p>
        <p class="actions">
          <button class="primary" type="button" onClick={add}>
            Add a room
          </button>
        </p>
      </section>
    </main>
  );
}
