import type { Writable } from 'node:stream';
import { ReaderGone, TransferFault, faultText } from './fault.js';

/** Resolves when the text has left this process, so that nobody reads further ahead than the slowest reader takes. */
export type Sink = (text: string) => Promise<void>;

/**
 * Writes to a stream, piece by piece. Rejects with ReaderGone where nobody reads any more, with a TransferFault
 * where it cannot be written, and with the signal's reason when that is aborted meanwhile.
 */
export function sinkTo(out: Writable, signal: AbortSignal): Sink {
  let over: Error | null = null;
  let refuse: (cause: Error) => void = () => undefined;
  const end = (cause: Error): void => {
    over ??= cause;
    refuse(over);
  };
  // Kept for good: a stream without a listener throws its error at the whole process.
  out.on('error', (cause) => end(explain(cause)));
  out.on('close', () => end(new ReaderGone('the output was closed')));
  signal.addEventListener('abort', () => end(signal.reason as Error));
  return (text) =>
    new Promise((resolve, reject) => {
      if (over) {
        reject(over);
        return;
      }
      refuse = reject;
      out.write(text, (cause) => {
        if (cause) end(explain(cause));
        else resolve();
      });
    });
}

function explain(cause: NodeJS.ErrnoException): Error {
  if (cause.code === 'EPIPE' || cause.code === 'ERR_STREAM_DESTROYED') {
    return new ReaderGone('the reader has gone', { cause });
  }
  return new TransferFault(`cannot write: ${faultText(cause)}`, { cause });
}
