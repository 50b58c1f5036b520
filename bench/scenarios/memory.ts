import { median } from '../report/stats.js';
import type { Subject } from './subjects.js';

/** Reads a server's RSS from time to time within the measured window. */
export interface MemoryWatch {
  begun(): void;
  ended(): void;
  /** RSS in MiB, and how the last third of the window compares with the first and with the second. */
  figures(): Record<string, number>;
}

const PER_WINDOW = 30;
const LEAST_PAUSE_MS = 100;

/** So often that a window has some thirty samples. */
export function watchMemory(target: Subject, seconds: number): MemoryWatch {
  const samples: number[] = [];
  const sample = (): void => void samples.push(target.residentBytes());
  let timer: NodeJS.Timeout | undefined;
  return {
    begun() {
      sample();
      timer = setInterval(sample, Math.max(LEAST_PAUSE_MS, (seconds * 1000) / PER_WINDOW));
    },
    ended() {
      clearInterval(timer);
      sample();
    },
    figures() {
      const third = Math.max(1, Math.floor(samples.length / 3));
      const first = median(samples.slice(0, third));
      const second = median(samples.slice(third, 2 * third));
      const last = median(samples.slice(-third));
      return {
        rss_first: first / 2 ** 20,
        rss_last: last / 2 ** 20,
        rss_growth: last / first,
        rss_late_growth: last / second,
        rss_max: Math.max(...samples) / 2 ** 20,
      };
    },
  };
}

export const RSS_FIRST = { key: 'rss_first', title: 'RSS in the first third, MiB', digits: 1 };
export const RSS_LAST = { key: 'rss_last', title: 'in the last third, MiB', digits: 1 };
export const RSS_GROWTH = { key: 'rss_growth', title: 'last by first', digits: 2 };
export const RSS_LATE_GROWTH = { key: 'rss_late_growth', title: 'last by second', digits: 2 };
