import t from 'tap';
import type { TlsFiles } from '../../api/tls-files.js';
import { renewals } from '../../api/tls-renewal.js';

const NOW = Date.parse('2026-12-01T00:00:00.000Z');

function files(digest: string, expiresAt = NOW + 1): TlsFiles {
  return { certFile: 'cert.pem', keyFile: 'key.pem', digest, expiresAt };
}

/** Renewals of files that `now.files` holds, whose uses take a turn. */
function start(first: TlsFiles) {
  const now = { files: first, failure: null as Error | null };
  const used: string[] = [];
  const lines: string[] = [];
  const write = (level: string) => (fields: object, text: string) =>
    lines.push(`${level} ${text} ${JSON.stringify(fields)}`);
  const renew = renewals({
    first,
    read: () => now.files,
    async use({ digest }) {
      await new Promise((turn) => setImmediate(turn));
      if (now.failure !== null) throw now.failure;
      used.push(digest);
    },
    log: { info: write('info'), warn: write('warn'), error: write('error') },
    clock: { now: () => NOW },
  });
  return { now, used, lines, renew };
}

t.test('several signals at once change the certificate once', async (t) => {
  const { now, used, renew } = start(files('a'));
  now.files = files('b');
  await Promise.all([renew(), renew(), renew()]);
  t.same(used, ['b']);
});

t.test('files that have not changed are left alone, and what could not be used is tried again', async (t) => {
  const { now, used, lines, renew } = start(files('a'));
  await renew();
  t.same(used, []);
  now.files = files('b');
  now.failure = new Error('no port');
  await renew();
  t.match(lines.at(-1), /^error TLS: the certificate in use stays .*no port/);
  now.failure = null;
  await renew();
  t.same(used, ['b'], 'what failed is tried again');
  now.files = files('a');
  await renew();
  t.same(used, ['b', 'a'], 'and the first one is another one now');
});

t.test('a certificate that has expired is used, and warned of', async (t) => {
  const { now, lines, renew } = start(files('a', NOW - 1));
  t.match(lines, [/^warn TLS: the certificate has expired/]);
  now.files = files('b');
  await renew();
  t.match(lines.at(-1), /^info TLS: new connections get the new certificate/);
});
