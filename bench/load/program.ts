import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A load generator: a process of its own that speaks in lines. */
export interface Generator {
  /** Its next line; rejects if it ends instead. */
  line(): Promise<string>;
  /** Waits for the line that says this. Rejects if it says something else. */
  says(text: string): Promise<void>;
  /** Tells it to go on. */
  go(): void;
  kill(): void;
}

const PROGRAMS = {
  posters: new URL('./posters.js', import.meta.url),
} as const;

/** Starts a program of this folder; `load` is what its first argument says, as JSON. */
export function startGenerator(program: keyof typeof PROGRAMS, load: object): Generator {
  const child = spawn(process.execPath, [fileURLToPath(PROGRAMS[program]), JSON.stringify(load)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const next = await lines.next();
    if (next.done) throw new Error('the load generator failed: its error is above');
    return next.value;
  };
  return {
    line,
    async says(text) {
      const found = await line();
      if (found !== text) throw new Error(`the load generator said ${JSON.stringify(found)}, not ${text}`);
    },
    go: () => void child.stdin.write('go\n'),
    kill() {
      process.off('exit', kill);
      kill();
    },
  };
}
