import { parentPort, workerData } from 'node:worker_threads';
import { faultOf } from './faults.js';
import { openDatabase } from './open.js';
import type { Answer, FromWorker, Request, WorkerOptions } from './protocol.js';
import { createReader } from './reads.js';
import { createWriter } from './writes.js';

/** A thread with one connection: takes batches of calls, carries them out in order, answers batch by batch. */
const port = parentPort;
if (!port) throw new Error('this file is the start of a worker thread');
const options = workerData as WorkerOptions;
const say = (what: FromWorker): void => port.postMessage(what);

type Calls = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

function open(): Calls {
  const db = openDatabase(options);
  const calls: unknown = options.role === 'writer' ? createWriter(db, options) : createReader(db);
  return calls as Calls;
}

function serve(calls: Calls, [name, args]: Request): Answer {
  try {
    const call = calls[name];
    if (!call) throw new Error(`the ${options.role} has no call ${name}`);
    return [true, call(...args)];
  } catch (cause) {
    return [false, faultOf(cause)];
  }
}

/** Values that may gather in the answers to reads: more at once would hold up the thread that takes them. */
const GATHER = 4_000;

function sizeOf(answer: unknown): number {
  if (Array.isArray(answer)) return answer.length;
  return typeof answer === 'object' && answer !== null && 'rows' in answer ? sizeOf(answer.rows) : 1;
}

/** Answers to appends do not wait for the appends behind them, and small answers to reads go out together. */
function serveAll(calls: Calls, batch: readonly Request[]): void {
  let answers: Answer[] = [];
  let values = 0;
  for (const request of batch) {
    const answer = serve(calls, request);
    answers.push(answer);
    values += sizeOf(answer[1]);
    if (options.role === 'reader' && values < GATHER) continue;
    say({ answers });
    [answers, values] = [[], 0];
  }
  if (answers.length > 0) say({ answers });
}

try {
  const calls = open();
  port.on('message', (batch: readonly Request[]) => {
    serveAll(calls, batch);
    if (batch.some(([name]) => name === 'close')) port.close();
  });
  say({ started: null });
} catch (cause) {
  say({ started: faultOf(cause) });
  port.close();
}
