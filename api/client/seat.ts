import type { ParlorError } from './errors.js';
import type { RoomHost } from './host.js';
import { createMachine } from './machine.js';

export type SeatState =
  | { readonly name: 'idle' }
  /** Subscribed as soon as there is a link; the welcome has not come. */
  | { readonly name: 'joining' }
  | { readonly name: 'joined' }
  /** Unsubscribed, and the server has not said so yet. `refused`: it was too busy to listen, so it is told again. */
  | { readonly name: 'leaving'; readonly refused: ParlorError | null }
  | { readonly name: 'refused'; readonly error: ParlorError };
export type SeatEvent =
  | { readonly type: 'wanted' | 'unwanted' | 'up' | 'down' | 'welcome' | 'due' }
  | { readonly type: 'unsubscribed'; readonly error: ParlorError | null }
  /** Something that we sent about the room was refused. */
  | { readonly type: 'unheard'; readonly error: ParlorError };

export interface SeatPort {
  readonly subscribe: () => void;
  readonly unsubscribe: () => void;
  readonly changed: () => void;
}

/** Whether we are in a room: a seat is wanted while somebody here holds it. */
export interface Seat {
  readonly state: () => SeatState;
  /** Returns what gives it up. */
  readonly hold: () => () => void;
  readonly send: (event: SeatEvent) => void;
}

const IDLE: SeatState = { name: 'idle' };
const JOINING: SeatState = { name: 'joining' };

export function createSeat(
  { link, pauseMs }: Pick<RoomHost, 'link' | 'pauseMs'>,
  { subscribe, unsubscribe, changed }: SeatPort,
): Seat {
  let holders = 0;
  let attempt = 0;
  const stay = (): null => null;
  const again = (): SeatState => JOINING;
  const leave = (): SeatState => (link() ? { name: 'leaving', refused: null } : IDLE);
  const left = (): SeatState => (holders > 0 ? JOINING : IDLE);
  const over = ({ error }: SeatEvent & { type: 'unsubscribed' }): SeatState =>
    error ? { name: 'refused', error } : left();

  const { state, send } = createMachine<SeatState, SeatEvent>(
    IDLE,
    {
      // It may be told that it has left more than once.
      idle: { on: { wanted: again, up: stay, down: stay, unsubscribed: stay } },
      joining: {
        enter() {
          if (link()) subscribe();
          return undefined;
        },
        on: {
          wanted: stay,
          unwanted: leave,
          up: again,
          down: stay,
          welcome: () => ({ name: 'joined' }),
          unsubscribed: over,
        },
      },
      joined: {
        enter() {
          attempt = 0;
          return undefined;
        },
        on: { wanted: stay, unwanted: leave, down: again, unsubscribed: over },
      },
      leaving: {
        enter({ refused }) {
          if (refused) {
            const timer = setTimeout(unsubscribe, pauseMs(attempt++, refused));
            return () => clearTimeout(timer);
          }
          unsubscribe();
          return undefined;
        },
        on: {
          wanted: stay,
          unwanted: stay,
          down: left,
          // With an error it has crossed our unsubscribe, whose answer is still to come.
          unsubscribed: ({ error }) => (error ? null : left()),
          unheard: ({ error }) => (error.retry ? { name: 'leaving', refused: error } : null),
        },
      },
      refused: {
        enter({ error }) {
          if (!error.retry) return undefined;
          const timer = setTimeout(() => send({ type: 'due' }), pauseMs(attempt++, error));
          return () => clearTimeout(timer);
        },
        on: {
          wanted: again,
          unwanted: () => IDLE,
          due: again,
          up: stay,
          down: (_, { error }) => (error.retry ? JOINING : null),
        },
      },
    },
    changed,
  );

  return {
    state,
    hold() {
      if (holders++ === 0) send({ type: 'wanted' });
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        holders--;
        // Whoever leaves and joins in one go, as React does, keeps the seat.
        queueMicrotask(() => {
          if (holders === 0 && state().name !== 'idle') send({ type: 'unwanted' });
        });
      };
    },
    send,
  };
}
