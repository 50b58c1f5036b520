import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createLog, type NodeLog, type Requested } from '../../api/logging.js';
import type { Config } from '../../api/config.js';

// Each log writes what it holds at the end of the process.
process.setMaxListeners(100);

/** What the calls write, line by line, without the time. */
function written(
  t: Test,
  config: Pick<Config, 'LOG_LEVEL' | 'LOG_FORMAT'>,
  calls: (log: NodeLog) => void,
  worker?: number,
): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'parlor-log-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  const file = openSync(path, 'w');
  const log = createLog(config, file, worker);
  calls(log);
  log.flush();
  closeSync(file);
  const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|\d\d:\d\d:\d\d\.\d{3}/;
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.replace(time, '<time>'));
}

const REQUEST: Requested = {
  request_id: '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a',
  method: 'POST',
  url: '/api/rooms/42/messages',
  status: 201,
  ms: 0.3,
};
const REQUESTS: readonly Requested[] = [
  REQUEST,
  { ...REQUEST, ms: 12 },
  { ...REQUEST, ms: 0, status: 503 },
  { ...REQUEST, request_id: '"\\7' },
  { ...REQUEST, url: `/api/rooms/"${'\\'.repeat(100)}/messages` },
  { ...REQUEST, url: '/api/rooms/Grüße 😀\u2028\u0001\ud800/messages' },
];

t.test('the line of a request is the one that pino writes', async (t) => {
  for (const LOG_FORMAT of ['json', 'pretty'] as const)
    for (const LOG_LEVEL of ['debug', 'info', 'warn'] as const)
      for (const worker of [undefined, 3]) {
        const config = { LOG_LEVEL, LOG_FORMAT };
        const oneByOne = (line: (log: NodeLog, request: Requested) => void) =>
          written(t, config, (log) => REQUESTS.forEach((request) => line(log, request)), worker);
        const ours = oneByOne((log, request) => log.requested(request));
        const theirs = oneByOne((log, request) => log.info(request, 'request'));
        t.strictSame(ours, theirs, `${LOG_FORMAT}, ${LOG_LEVEL}, worker ${String(worker)}`);
        t.equal(ours.length > REQUESTS.length, LOG_LEVEL !== 'warn');
      }
});

for (const worker of [undefined, 12])
  t.test(
    `lines come out whole and in their order, whatever they hold: worker ${String(worker)}`,
    async (t) => {
      const names = Array.from({ length: 3_000 }, (_, n) => `${n} ${'ü😀€'.repeat(n % 50)}`);
      names.push('longer than a write that is whole '.repeat(500), 'the last');
      const lines = written(
        t,
        { LOG_LEVEL: 'info', LOG_FORMAT: 'json' },
        (log) =>
          names.forEach((name, n) => {
            if (n % 2 === 0) log.info({ name }, 'x');
            else log.requested({ ...REQUEST, url: name });
          }),
        worker,
      );
      const read = lines.slice(0, -1).map((line) => {
        return JSON.parse(line) as { name?: string; url?: string; worker?: number };
      });
      t.strictSame(
        read.map(({ name, url }) => name ?? url),
        names,
      );
      t.ok(read.every((line) => line.worker === worker));
      t.equal(lines.at(-1), '');
    },
  );
