import type { Parlor } from '../support/parlor.js';

const MB = 1024 * 1024;
/** By how much the last third of a run may need more than the second: a leak of a kilobyte an input is far beyond it. */
const HEAP = { factor: 1.2, more: 16 * MB };
/** Pages that a collector has freed are given back late, so this one is coarser. */
const RSS = { factor: 1.25, more: 48 * MB };

interface Sample {
  readonly heapUsed: number;
  readonly rss: number;
}

export interface Memory {
  /** What is in use after a collection of garbage, in a line, and what is wrong with it. */
  judge(): { readonly line: string; readonly wrong: string | null };
  stop(): void;
}

/** Collects the garbage of a program every `everyMs` and notes what is left. The program is that of gc-main.ts. */
export function watchMemory(parlor: Parlor, everyMs: number): Memory {
  const timer = setInterval(() => {
    try {
      process.kill(parlor.pid, 'SIGUSR2');
    } catch {
      // It has ended, of which somebody else tells.
      clearInterval(timer);
    }
  }, everyMs);
  return {
    stop: () => clearInterval(timer),
    judge() {
      const samples = parlor.logs.flatMap(({ msg, heapUsed, rss }): Sample[] =>
        msg === 'collected' ? [{ heapUsed: Number(heapUsed), rss: Number(rss) }] : [],
      );
      const third = Math.floor(samples.length / 3);
      if (third < 2) return { line: 'memory: too few samples', wrong: null };
      const of = (part: number, field: keyof Sample): number =>
        median(
          samples.slice(part * third, part === 2 ? undefined : (part + 1) * third).map((one) => one[field]),
        );
      const words = (field: keyof Sample): string => [0, 1, 2].map((part) => mb(of(part, field))).join(', ');
      const grows = (field: keyof Sample, { factor, more }: typeof HEAP): boolean =>
        of(2, field) > of(1, field) * factor + more;
      const line = `memory by thirds, MB: heap ${words('heapUsed')}; RSS ${words('rss')} (${samples.length} samples)`;
      return { line, wrong: grows('heapUsed', HEAP) || grows('rss', RSS) ? `it grows: ${line}` : null };
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const mb = (bytes: number): string => (bytes / MB).toFixed(0);
