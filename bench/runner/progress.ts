import { createProgress, type Terminal } from '../../api/transfer/progress.js';

/** How far the benchmark is: a bar on a terminal, a line for each run elsewhere. */
export interface BenchProgress {
  begins(what: string): void;
  ends(what: string, outcome: string): void;
  /** A line of its own, on a terminal too. */
  tell(line: string): void;
  /** Takes the bar away, so that something can be printed; it comes back by itself. */
  hide(): void;
}

export function createBenchProgress(stream: Terminal, total: number): BenchProgress {
  let bar = createProgress(stream, 'bench');
  let done = 0;
  const hide = (): void => {
    bar.stop();
    bar = createProgress(stream, 'bench');
  };
  const tell = (line: string): void => {
    hide();
    stream.write(`${line}\n`);
  };
  return {
    begins: (what) => bar.update(done, total, what),
    ends(what, outcome) {
      done++;
      if (stream.isTTY === true) bar.update(done, total, what);
      else stream.write(`[${done}/${total}] ${what}: ${outcome}\n`);
    },
    tell,
    hide,
  };
}
