import type { ParlorError } from './errors.js';
import type { RoomHost } from './host.js';
import { createMachine } from './machine.js';

export type SeatState =
  | { readonly name: 'idle' }
  /** Subscribed as soon as there is a link; the welcome has not come. */
  | { readonly name: 'joining' }
  | { readonly name: 'joined' }
  /** Unsubscribed, and the server has not said so yet. `error`: it has said something else, so it is told again later. */
  | { readonly name: 'leaving'; readonly error: ParlorError | null }
  | { readonly name: 'refused'; readonly error: ParlorError };
export type SeatEvent =
  | { readonly type: 'wanted' | 'unwanted' | 'up' | 'down' | 'welcome' | 'due' }
  | { readonly type: 'unsubscribed'; readonly error: ParlorError | null };

export interface SeatPort {
  /** Without a link it has no effect. */
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
  const wait = (error: ParlorError): (() => void) => {
    const timer = setTimeout(() => send({ type: 'due' }), pauseMs(attempt++, error));
    return () => clearTimeout(timer);
  };
  const stay = (): null => null;
  const again = (): SeatState => JOINING;
  const leave = (): SeatState => (link() ? { name: 'leaving', error: null } : IDLE);
  const left = (): SeatState => (holders ? JOINING : IDLE);
  const over = ({ error }: SeatEvent & { type: 'unsubscribed' }): SeatState =>
    error ? { name: 'refused', error } : left();

  const { state, send } = createMachine<SeatState, SeatEvent>(
    IDLE,
    {
      // It may be told that it has left more than once.
      idle: { on: { wanted: again, unwanted: stay, up: stay, down: stay, unsubscribed: stay } },
      joining: {
        enter() {
          subscribe();
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
        enter({ error }) {
          if (error) return wait(error);
          unsubscribe();
          return undefined;
        },
        on: {
          wanted: stay,
          unwanted: stay,
          down: left,
          // With an error it has crossed our unsubscribe, whose answer is still to come; or that was refused.
          unsubscribed: ({ error }) => (error ? { name: 'leaving', error } : left()),
          due: leave,
        },
      },
      refused: {
        enter({ error }) {
          return error.retry ? wait(error) : undefined;
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
          if (!holders) send({ type: 'unwanted' });
        });
      };
    },
    send,
  };
}
