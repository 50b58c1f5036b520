import type { Writable } from 'node:stream';
import { ReaderGone, TransferFault, faultText } from './fault.js';

/** Writes a text. Resolves when it has left this process, so that an export reads no faster than its reader. */
export type Sink = (text: string) => Promise<void>;

/**
 * A sink that writes to a stream. It rejects with ReaderGone when the reader has closed the stream, with a TransferFault
 * when a write fails, and with the signal's reason when the signal is aborted.
 */
export function sinkTo(out: Writable, signal: AbortSignal): Sink {
  let over: Error | null = null;
  let refuse: (cause: Error) => void = () => undefined;
  const end = (cause: Error): void => {
    over ??= cause;
    refuse(over);
  };
  // Never removed: an error of a stream without a listener would end the process.
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
