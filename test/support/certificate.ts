import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';

/** A certificate for localhost that is its own issuer, and its key, in files. */
export interface TestCertificate {
  readonly env: { readonly TLS_CERT: string; readonly TLS_KEY: string };
  /** The certificate now: also what its clients have to trust. */
  pem(): string;
  fingerprint(): string;
  /** Puts another certificate and key in the place of these. */
  renew(): void;
  /** Writes something else into one of the files. */
  spoil(file: 'TLS_CERT' | 'TLS_KEY', text: string): void;
  remove(): void;
}

/** Made with openssl for a day: one that is kept would expire. */
export function makeCertificate(): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'parlor-tls-'));
  const env = { TLS_CERT: join(folder, 'cert.pem'), TLS_KEY: join(folder, 'key.pem') };
  const pem = (): string => readFileSync(env.TLS_CERT, 'utf8');

  function renew(): void {
    const fresh = { cert: `${env.TLS_CERT}.new`, key: `${env.TLS_KEY}.new` };
    const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
    const { status, stderr, error } = spawnSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'].concat(
        ['-subj', '/CN=localhost', '-addext', names, '-keyout', fresh.key, '-out', fresh.cert],
      ),
      { encoding: 'utf8' },
    );
    if (error) throw error;
    if (status !== 0) throw new Error(`openssl failed: ${stderr}`);
    renameSync(fresh.cert, env.TLS_CERT);
    renameSync(fresh.key, env.TLS_KEY);
  }

  renew();
  return {
    env,
    pem,
    fingerprint: () => new X509Certificate(pem()).fingerprint256,
    renew,
    spoil: (file, text) => writeFileSync(env[file], text),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
