import { median } from '../report/stats.js';
import type { Subject } from './subjects.js';

/** Reads a server's RSS from time to time. */
export interface MemorySamples {
  /** Stops reading. RSS in MiB, and how the last third of the time compares with the first. */
  end(): Record<string, number>;
}

const PER_WINDOW = 30;

/** So often that a window has some thirty of them, and each second at most. */
export function sampleMemory(target: Subject, seconds: number): MemorySamples {
  const samples = [target.residentBytes()];
  const timer = setInterval(
    () => void samples.push(target.residentBytes()),
    Math.max(100, (seconds * 1000) / PER_WINDOW),
  );
  return {
    end() {
      clearInterval(timer);
      const third = Math.max(1, Math.floor(samples.length / 3));
      const first = median(samples.slice(0, third));
      const last = median(samples.slice(-third));
      return {
        rss_first: first / 2 ** 20,
        rss_last: last / 2 ** 20,
        rss_growth: last / first,
        rss_max: Math.max(...samples) / 2 ** 20,
      };
    },
  };
}

export const RSS_FIRST = { key: 'rss_first', title: 'RSS in the first third, MiB', digits: 1 };
export const RSS_LAST = { key: 'rss_last', title: 'in the last third, MiB', digits: 1 };
export const RSS_GROWTH = { key: 'rss_growth', title: 'last by first', digits: 2 };
