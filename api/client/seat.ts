import type { ParlorError } from './errors.js';
import { createMachine } from './machine.js';
import type { RoomStatus } from './types.js';

type State =
  | { readonly name: 'idle' }
  /** Subscribed as soon as there is a link; the welcome has not come. */
  | { readonly name: 'joining' }
  | { readonly name: 'joined' }
  /** Unsubscribed, and the server has not said so yet. */
  | { readonly name: 'leaving' }
  | { readonly name: 'refused'; readonly error: ParlorError };
type Event =
  | { readonly type: 'wanted' | 'unwanted' | 'up' | 'down' | 'welcome' | 'due' }
  | { readonly type: 'unsubscribed'; readonly error: ParlorError | null };

export interface SeatPort {
  subscribe(): void;
  unsubscribe(): void;
  isLinked(): boolean;
  pauseMs(attempt: number, error: ParlorError): number;
  changed(): void;
}

/** Whether we are in a room: a seat is wanted while somebody here holds it. */
export interface Seat {
  status(): RoomStatus;
  error(): ParlorError | null;
  isLeaving(): boolean;
  /** Whether nothing is about to change by itself. */
  isSettled(): boolean;
  /** Returns what gives it up. */
  hold(): () => void;
  linked(isUp: boolean): void;
  welcome(): void;
  unsubscribed(error: ParlorError | null): void;
}

const IDLE: State = { name: 'idle' };
const JOINING: State = { name: 'joining' };

export function createSeat({ subscribe, unsubscribe, isLinked, pauseMs, changed }: SeatPort): Seat {
  let holders = 0;
  let attempt = 0;
  const stay = (): null => null;
  const again = (): State => JOINING;
  const leave = (): State => (isLinked() ? { name: 'leaving' } : IDLE);
  const left = (): State => (holders > 0 ? JOINING : IDLE);
  const over = ({ error }: Event & { type: 'unsubscribed' }): State =>
    error ? { name: 'refused', error } : left();

  const { state, send } = createMachine<State, Event>(
    IDLE,
    {
      idle: { on: { wanted: again, up: stay, down: stay } },
      joining: {
        enter() {
          if (isLinked()) subscribe();
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
        enter() {
          unsubscribe();
          return undefined;
        },
        on: { wanted: stay, unwanted: stay, down: left, unsubscribed: left },
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
    status() {
      const { name } = state();
      return name === 'leaving' ? 'idle' : name;
    },
    error() {
      const now = state();
      return now.name === 'refused' ? now.error : null;
    },
    isLeaving: () => state().name === 'leaving',
    isSettled: () => state().name !== 'joining' && state().name !== 'leaving',
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
    linked: (isUp) => send({ type: isUp ? 'up' : 'down' }),
    welcome: () => send({ type: 'welcome' }),
    unsubscribed: (error) => send({ type: 'unsubscribed', error }),
  };
}
