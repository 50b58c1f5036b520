import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { errorText } from '../engine/errors.js';
import { greet } from './banner.js';
import type { Config } from './config.js';
import { complain, exit } from './ending.js';
import { freePort } from './free-port.js';
import { createLog } from './logging.js';
import { warnOfRuntime } from './runtime.js';
import { endOnUncaught } from './uncaught.js';
import { STOP_MARGIN_MS } from './run.js';
import { usesTls } from './tls-files.js';
import { startWorker, type Ending, type WorkerLife } from './worker-life.js';

/**
 * Delay before a worker that has died is restarted, ms: `first`, doubled up to `most` after each life shorter than
 * `shortLife`. So a worker that cannot run is tried twice a minute.
 */
const RESTART = { first: 100, most: 30_000, shortLife: 10_000 };

/** A worker that has not ended STOP_MARGIN_MS after its time to drain is killed this many ms later. */
const KILL_MS = 1_000;

/**
 * Runs WORKERS nodes that share one port, each in its own process, until SIGTERM or SIGINT. Restarts those that die. At
 * the end they drain one after another, which takes no longer in all than one node may take. Exit code 0 when all have
 * drained, 1 when one had to be killed, that of the first worker when it could not start. A second signal kills them at
 * once.
 */
export async function runWorkers(config: Config): Promise<void> {
  const log = createLog(config);
  endOnUncaught(log);
  warnOfRuntime(log);
  let port: number;
  try {
    port = await freePort(config.HOST, config.PORT);
  } catch (cause) {
    process.exit(complain(errorText(cause), 1));
  }
  const crew = new Crew(config, log, port);
  const signalled = (signal: string): void => {
    if (crew.isStopping) {
      crew.kill();
      exit(log, `${signal} again: ended at once`, 1);
    }
    log.info({ signal }, 'stopping');
    void crew.stop().then((clean) => exit(log, 'stopped', clean ? 0 : 1));
  };
  process.on('SIGTERM', signalled);
  process.on('SIGINT', signalled);
  if (usesTls(config)) process.on('SIGHUP', () => crew.renewCertificate());
  const failed = await crew.start();
  if (crew.isStopping) return;
  if (failed !== null) exit(log, 'the first worker could not start', failed);
  greet(config, { host: config.HOST, port }, log);
}

/** All workers of this process. */
class Crew {
  /** By worker number. A worker that waits for its restart is left out. */
  private readonly lives = new Map<number, WorkerLife>();
  private readonly stopping = new AbortController();
  /** Ends when the workers that got a signal have drained, one after another. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly config: Config,
    private readonly log: Logger,
    private readonly port: number,
  ) {}

  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Resolves with null when all listen, or with the exit code of the first one if that could not start. */
  async start(): Promise<number | null> {
    // First one alone: a reason for which it cannot start holds for all of them, and is reported once.
    const first = this.begin(1, 0);
    if (!(await first.listening)) return (await first.ended).code ?? 1;
    const numbers = Array.from({ length: this.config.WORKERS }, (_, i) => i + 1);
    await Promise.all(
      numbers.map(
        (number) =>
          new Promise<void>((listens) => {
            const life = number === 1 ? first : this.begin(number, 0);
            this.keep(number, life, listens).catch((cause: unknown) =>
              exit(this.log, `worker ${number} cannot be kept: ${errorText(cause)}`, 1),
            );
          }),
      ),
    );
    return null;
  }

  /** Drains all of them. Resolves when they have ended, with whether all were clean exits. */
  async stop(): Promise<boolean> {
    this.stopping.abort();
    const { DRAIN_DELAY_MS, DRAIN_MS } = this.config;
    const lives = [...this.lives.values()];
    lives.forEach((life) => life.announceStop());
    if (DRAIN_DELAY_MS > 0) await pause(DRAIN_DELAY_MS);
    const end = performance.now() + DRAIN_MS;
    let clean = true;
    for (const [i, life] of lives.entries()) {
      const left = Math.max(0, end - performance.now());
      const killMs = end + STOP_MARGIN_MS + KILL_MS - performance.now();
      if (!(await life.drain(left / (lives.length - i), Math.max(0, killMs)))) clean = false;
    }
    return clean;
  }

  renewCertificate(): void {
    this.lives.forEach((life) => life.renewCertificate());
  }

  kill(): void {
    this.lives.forEach((life) => life.kill());
  }

  /** Restarts a worker whenever it ends, until all are to stop. */
  private async keep(number: number, first: WorkerLife, listens: () => void): Promise<void> {
    let life = first;
    let shortLives = 0;
    for (let restarts = 1; ; restarts++) {
      const begun = performance.now();
      void life.listening.then((does) => {
        if (does) listens();
      });
      const ending = await life.ended;
      this.lives.delete(number);
      if (!this.isStopping && !life.drainCalled) {
        const livedMs = performance.now() - begun;
        shortLives = livedMs < RESTART.shortLife ? shortLives + 1 : 0;
        await this.waitToRestart(number, ending, livedMs, shortLives);
      }
      if (this.isStopping) return;
      life = this.begin(number, restarts);
    }
  }

  private begin(number: number, restarts: number): WorkerLife {
    const { config, log } = this;
    const life = startWorker({ number, restarts }, this.port, (asking, signal) => {
      log.info({ worker: number, signal }, 'worker: drains, and will be restarted');
      const killMs = config.DRAIN_MS + STOP_MARGIN_MS + KILL_MS;
      this.turn = this.turn.then(() => {
        if (!this.isStopping && !asking.drainCalled) return asking.drain(config.DRAIN_MS, killMs);
      });
    });
    this.lives.set(number, life);
    log.info({ worker: number, worker_pid: life.pid, restarts }, 'worker: started');
    return life;
  }

  private async waitToRestart(
    number: number,
    ending: Ending,
    livedMs: number,
    shortLives: number,
  ): Promise<void> {
    const ms = Math.min(RESTART.most, RESTART.first * 2 ** Math.max(0, shortLives - 1));
    this.log.error(
      { worker: number, ...ending, lived_ms: Math.round(livedMs), pause_ms: ms },
      'worker: died, and will be restarted',
    );
    // An order to stop ends the wait.
    await pause(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}
