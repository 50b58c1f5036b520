import { Worker } from 'node:worker_threads';
import type { Clock } from '../../engine/ports.js';
import { faultOf, type Fault } from './faults.js';
import type { Answer, FromWorker, Request, WorkerOptions } from './protocol.js';
import { createWaiters } from './waiters.js';

/** A call failed in the thread. */
export class CallFailed extends Error {
  constructor(readonly fault: Fault) {
    super(fault.text);
  }
}

/** The thread has not answered in time, or is gone. `sent`: it may still have carried the call out. */
export class NoAnswer extends Error {
  constructor(
    text: string,
    readonly sent: boolean,
  ) {
    super(text);
  }
}

/** The main thread's side of one worker thread. */
export interface Lane<C extends object> {
  /** Starts the thread, also after it has died. Rejects with CallFailed if it cannot open the database. */
  start(): Promise<void>;
  /** Calls are carried out in order. Rejects with CallFailed or NoAnswer. */
  call<K extends keyof C & string>(
    name: K,
    ...args: C[K] extends (...args: infer A) => unknown ? A : never
  ): Promise<C[K] extends (...args: never[]) => infer R ? R : never>;
  /** Whether the thread still has a call that was given up. */
  readonly overdue: boolean;
  /** True as soon as the outcome of every call that was given up is decided, or the thread is gone. False after `ms`. */
  settled(ms: number): Promise<boolean>;
  /**
   * Ends the thread after the calls that were made before, or at once if it is still starting; false if it has not ended
   * within `ms`, and may still be working.
   */
  close(ms: number): Promise<boolean>;
}

export interface LaneOptions extends WorkerOptions {
  readonly clock: Clock;
  /** How long a call may take, ms. */
  readonly timeoutMs: number;
  /** Called when a call becomes overdue and none was before. */
  onOverdue(): void;
  /** Called when the thread ends without having been told to. */
  onDeath(cause: string): void;
}

interface Call {
  readonly request: Request;
  readonly deadline: number;
  /** Without effect after the call was given up. */
  resolve(value: unknown): void;
  reject(cause: Error): void;
  givenUp: boolean;
}

/** Most calls in one batch. The others wait here: a call that is given up before it was sent has no effect. */
const BATCH = 64;

/**
 * The thread has one batch of calls at a time, and calls made meanwhile gather into the next: under load many calls share
 * one message, and a single call does not wait.
 */
export function createLane<C extends object>(options: LaneOptions): Lane<C> {
  const { clock, role, path, isGuest, busyMs, checkBytes, timeoutMs } = options;
  let worker: Worker | null = null;
  /** The thread that has not reported yet whether it has started. */
  let starting: Worker | null = null;
  let ended: Promise<void> = Promise.resolve();
  let waiting: Call[] = [];
  let sent: Call[] = [];
  let overdue = false;
  let closing = false;
  let stopTimer: (() => void) | null = null;
  const settling = createWaiters(clock);

  function start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const workerData: WorkerOptions = { role, path, isGuest, busyMs, checkBytes };
      const thread = new Worker(new URL('./worker.js', import.meta.url), {
        workerData,
        name: `sqlite-${role}`,
      });
      starting = thread;
      let cause = 'it ended by itself';
      let started = false;
      thread.on('error', (error) => (cause = faultOf(error).text));
      thread.on('message', (said: FromWorker) => {
        if ('answers' in said) return answered(said.answers);
        if (said.started) return reject(new CallFailed(said.started));
        // It is being closed: the start rejects when the thread is gone.
        if (closing) return;
        started = true;
        starting = null;
        worker = thread;
        // Pending calls keep the process alive, not the thread as such.
        thread.unref();
        resolve();
        send();
      });
      ended = new Promise((gone) => {
        thread.on('exit', () => {
          gone();
          starting = null;
          if (!started)
            return reject(new CallFailed({ code: '', text: `the ${role}'s thread ended: ${cause}` }));
          worker = null;
          lost(`the ${role}'s thread of the database ended: ${cause}`);
          if (!closing) options.onDeath(cause);
        });
      });
    });
  }

  function send(): void {
    if (!worker || sent.length > 0 || waiting.length === 0) return;
    sent = waiting.splice(0, BATCH);
    worker.ref();
    worker.postMessage(sent.map(({ request }) => request));
    watch();
  }

  function answered(answers: readonly Answer[]): void {
    const calls = sent.splice(0, answers.length);
    settle();
    calls.forEach((call, i) => {
      const answer = answers[i];
      if (answer?.[0] === true) call.resolve(answer[1]);
      else call.reject(new CallFailed(answer?.[1] ?? { code: '', text: 'a call without an answer' }));
    });
    if (sent.length > 0) return;
    if (!closing) worker?.unref();
    send();
  }

  function settle(): void {
    overdue = sent.some(({ givenUp }) => givenUp);
    if (!overdue) settling.done();
  }

  /** The thread is gone, and its connection too: none of its calls will still be carried out. */
  function lost(text: string): void {
    const [wereSent, wereNot] = [sent, waiting];
    [sent, waiting] = [[], []];
    settle();
    for (const call of wereSent) call.reject(new NoAnswer(text, true));
    for (const call of wereNot) call.reject(new NoAnswer(text, false));
  }

  /** One timer for all calls: they are carried out in order, so the first one that was not given up is the next to expire. */
  function watch(): void {
    if (stopTimer) return;
    const next = sent.find(({ givenUp }) => !givenUp) ?? waiting[0];
    if (!next) return;
    stopTimer = clock.after(Math.max(0, next.deadline - clock.elapsed()), () => {
      stopTimer = null;
      expire();
      watch();
    });
  }

  function expire(): void {
    const now = clock.elapsed();
    const text = `the database has not answered for ${timeoutMs} ms`;
    const late = sent.filter(({ givenUp, deadline }) => !givenUp && deadline <= now);
    if (late.length > 0 && !overdue) {
      overdue = true;
      options.onOverdue();
    }
    for (const call of late) {
      call.givenUp = true;
      call.reject(new NoAnswer(text, true));
    }
    const expired = waiting.findIndex(({ deadline }) => deadline > now);
    for (const call of waiting.splice(0, expired < 0 ? waiting.length : expired))
      call.reject(new NoAnswer(text, false));
  }

  function call(name: string, args: readonly unknown[], ms: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadline = clock.elapsed() + ms;
      waiting.push({ request: [name, args], deadline, resolve, reject, givenUp: false });
      send();
      watch();
    });
  }

  return {
    start,
    call: (name, ...args) => call(name, args, timeoutMs) as never,
    get overdue() {
      return overdue;
    },
    settled: (ms) => (overdue ? settling.wait(ms) : Promise.resolve(true)),
    async close(ms) {
      closing = true;
      const thread = worker ?? starting;
      if (!worker) lost(`the ${role}'s thread of the database is ended before it could begin`);
      if (!thread) return true;
      thread.ref();
      const inTime = new Promise<boolean>((resolve) => clock.after(ms, () => resolve(false)));
      const terminate = (): Promise<unknown> => thread.terminate();
      const over = worker ? call('close', [], ms).then(() => ended, terminate) : terminate();
      const done = await Promise.race([over.then(() => true), inTime]);
      if (!done) thread.unref();
      return done;
    },
  };
}
