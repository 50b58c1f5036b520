import { EventEmitter } from 'node:events';
import { isMainThread } from 'node:worker_threads';

/*
 * Loaded into the real program by `--import` in NODE_OPTIONS: at SIGUSR2 something happens that nobody catches. FAULT says what.
 */

const FAULTS: Readonly<Record<string, () => void>> = {
  throw() {
    setTimeout(() => {
      throw new Error('a fault of a test');
    }, 0);
  },
  reject: () => void Promise.reject(new Error('a fault of a test')),
  // What is thrown need not be an Error.
  text() {
    setTimeout(() => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is what is tried
      throw 'a fault of a test';
    }, 0);
  },
  event: () => void new EventEmitter().emit('error', new Error('a fault of a test')),
};

// Its threads cannot have signals.
if (isMainThread) process.on('SIGUSR2', () => FAULTS[process.env.FAULT ?? '']?.());
