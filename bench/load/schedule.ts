import { clock } from './marker.js';

/** Something that happens so many times a second, whose turn it is going round among `size` of all processes. */
export interface Schedule {
  readonly perSecond: number;
  /** How many take turns, in all processes. */
  readonly size: number;
  /** Those of this process: the place of each among all, ascending, and what happens when it is planned. */
  readonly own: readonly { readonly place: number; act(planned: number): void }[];
}

const FIRST_WAIT_MS = 1;

/**
 * Runs schedules from a time on, µs: whatever is late is made up for at once, each with its planned time. `endTurn` is
 * called after each batch. Returns what stops it.
 */
export function runSchedules(schedules: readonly Schedule[], from: number, endTurn: () => void): () => void {
  const running = schedules
    .filter(({ own, perSecond }) => own.length > 0 && perSecond > 0)
    .map((schedule) => ({ schedule, round: 0, next: 0 }));
  let timer: NodeJS.Timeout | null = null;

  const planned = ({ schedule, round, next }: (typeof running)[number]): number => {
    const place = round * schedule.size + (schedule.own[next]?.place ?? 0);
    return from + Math.floor((place * 1_000_000) / schedule.perSecond);
  };

  function tick(): void {
    const now = clock();
    let soonest = Infinity;
    for (const one of running) {
      let time = planned(one);
      while (time <= now) {
        one.schedule.own[one.next]?.act(time);
        one.next++;
        if (one.next === one.schedule.own.length) {
          one.next = 0;
          one.round++;
        }
        time = planned(one);
      }
      soonest = Math.min(soonest, time);
    }
    endTurn();
    timer = setTimeout(tick, Math.max(FIRST_WAIT_MS, (soonest - clock()) / 1000));
  }

  if (running.length > 0) tick();
  return () => {
    if (timer) clearTimeout(timer);
  };
}
