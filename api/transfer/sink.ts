import type { Writable } from 'node:stream';
import { ReaderGone, TransferFault, faultText } from './fault.js';

/**
 * Writes text. Resolves when the stream has accepted it. Await it before reading more from the store, so that memory use
 * stays bounded.
 */
export type Sink = (text: string) => Promise<void>;

/**
 * A sink that writes to a stream. It rejects with ReaderGone when the stream is closed, with a TransferFault when a write
 * fails, and with the signal's reason when the signal is aborted, also if that was before the first write. One write at a
 * time: await each call before the next.
 */
export function sinkTo(out: Writable, signal: AbortSignal): Sink {
  let failure: Error | null = null;
  let rejectPending: (cause: Error) => void = () => undefined;
  const fail = (cause: Error): void => {
    failure ??= cause;
    rejectPending(failure);
  };
  // Keep this listener: an 'error' event without one crashes the process.
  out.on('error', (cause) => fail(toTransferError(cause)));
  out.on('close', () => fail(new ReaderGone('the output was closed')));
  // A signal that is aborted already emits no event.
  if (signal.aborted) fail(signal.reason as Error);
  signal.addEventListener('abort', () => fail(signal.reason as Error));
  return (text) =>
    new Promise((resolve, reject) => {
      if (failure) {
        reject(failure);
        return;
      }
      rejectPending = reject;
      out.write(text, (cause) => {
        if (cause) fail(toTransferError(cause));
        else resolve();
      });
    });
}

/** EPIPE: the reader closed the pipe. ERR_STREAM_DESTROYED: the stream was closed before this write, for that reason. */
function toTransferError(cause: NodeJS.ErrnoException): Error {
  if (cause.code === 'EPIPE' || cause.code === 'ERR_STREAM_DESTROYED') {
    return new ReaderGone('the reader has gone', { cause });
  }
  return new TransferFault(`cannot write: ${faultText(cause)}`, { cause });
}
