import { parentPort, workerData } from 'node:worker_threads';
import { faultOf } from './faults.js';
import { openDatabase } from './open.js';
import type { Answer, FromWorker, Request, WorkerOptions } from './protocol.js';
import { createReader } from './reads.js';
import { createWriter } from './writes.js';

/* The code of a thread, which has one connection: takes batches of calls, carries them out in order, and answers them. */
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

/** Values in one message of answers to reads, about: more at once would block the main thread when it receives them. */
const GATHER = 4_000;

function sizeOf(answer: unknown): number {
  if (Array.isArray(answer)) return answer.length;
  return typeof answer === 'object' && answer !== null && 'rows' in answer ? sizeOf(answer.rows) : 1;
}

/** Each append is answered at once, without waiting for those behind it. Small answers to reads share a message. */
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
