import { errorText } from '../engine/errors.js';
import type { Clock, Log } from '../engine/ports.js';
import type { TlsFiles } from './tls-files.js';

interface Parts {
  /** The certificate in use. */
  readonly first: TlsFiles | null;
  /** Reads the files again; throws an Error of one line. */
  readonly read: () => TlsFiles | null;
  /** Lets new connections have this certificate; rejects with an Error of one line. */
  readonly use: (files: TlsFiles) => Promise<void>;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Returns a function that takes over a new certificate from the files, one call after the other. What fails is logged, and
 * the certificate in use stays. Never rejects. If the files have not changed nothing does, so a signal too many costs
 * nothing.
 */
export function renewals({ first, read, use, log, clock }: Parts): () => Promise<void> {
  let current = first;
  let last: Promise<void> = Promise.resolve();
  if (first !== null) warnIfExpired(first, clock, log);

  async function renew(): Promise<void> {
    try {
      const files = read();
      if (files === null || files.digest === current?.digest) {
        log.info({}, 'TLS: the files have not changed');
        return;
      }
      await use(files);
      current = files;
      log.info({ expires_at: dateOf(files) }, 'TLS: new connections get the new certificate');
      warnIfExpired(files, clock, log);
    } catch (cause) {
      log.error({ cause: errorText(cause) }, 'TLS: the certificate in use stays');
    }
  }

  return () => (last = last.then(renew));
}

function warnIfExpired(files: TlsFiles, clock: Pick<Clock, 'now'>, log: Log): void {
  if (files.expiresAt < clock.now())
    log.warn({ expires_at: dateOf(files) }, 'TLS: the certificate has expired, so clients will refuse it');
}

function dateOf({ expiresAt }: TlsFiles): string {
  return new Date(expiresAt).toISOString();
}
