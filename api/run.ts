import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { errorText } from '../engine/errors.js';
import { greet } from './banner.js';
import type { Config } from './config.js';
import { complain, configOrExit, exit } from './ending.js';
import { createLog, STANDARD_OUTPUT } from './logging.js';
import { startNode, type Extra, type Node } from './node.js';
import { warnOfRuntime } from './runtime.js';
import { endOnUncaught } from './uncaught.js';
import { usesTls } from './tls-files.js';
import { findParent, type Parent, type ToWorker } from './worker.js';

/** How much longer than DRAIN_MS a stop may take, ms. With the default of DRAIN_MS a node ends within 10 s. */
export const STOP_MARGIN_MS = 1_500;

/**
 * Runs a node until SIGTERM or SIGINT, or as a worker until its parent says so, and then drains it. A second signal
 * ends it at once. Exit code 0 when drained, 1 when it could not start, could not finish everything in time, was ended at
 * once or by an error that nobody caught, 2 for wrong settings.
 */
export async function run(extra: Extra = {}): Promise<void> {
  const config = configOrExit();
  const parent = findParent();
  const log = createLog(config, STANDARD_OUTPUT, parent?.worker.number);
  endOnUncaught(log);
  const life = new Life(log);
  if (!parent) warnOfRuntime(log);
  if (parent) obey(parent, life, config, log);
  else stopOnSignals(life, config, log);
  // A worker gets it, too, if it was sent to all processes of a terminal.
  if (usesTls(config)) process.on('SIGHUP', () => life.renewCertificate());
  try {
    const node = await startNode(config, log, { ...extra, worker: parent?.worker });
    life.begin(node);
    if (!parent) greet(config, node, log);
    else {
      log.info({ port: node.port, metrics_port: node.metricsPort }, 'worker: listening');
      parent.report({ type: 'listening' });
    }
  } catch (cause) {
    log.flush();
    process.exit(complain(errorText(cause), 1));
  }
}

/** The life of a node, up to the end of its process. */
class Life {
  private node: Node | null = null;
  private stopping = false;
  private renewWhenBegun = false;

  constructor(private readonly log: Logger) {}

  get isStopping(): boolean {
    return this.stopping;
  }

  begin(node: Node): void {
    this.node = node;
    if (this.renewWhenBegun) void node.renewCertificate();
  }

  announceStop(): void {
    this.node?.announceStop();
  }

  /** Reads the certificate again; while the node is still starting, as soon as it has started. */
  renewCertificate(): void {
    if (this.node === null) this.renewWhenBegun = true;
    else void this.node.renewCertificate();
  }

  /** Ends the process when the node is drained, at the latest a little after `delayMs` + `ms`. */
  stop(delayMs: number, ms: number): void {
    if (this.stopping) return;
    this.stopping = true;
    this.drain(delayMs, ms).then(
      (isWhole) => {
        if (!isWhole) this.log.warn({}, 'not everything could be finished in time');
        exit(this.log, 'stopped', isWhole ? 0 : 1);
      },
      (cause: unknown) => exit(this.log, errorText(cause), 1),
    );
  }

  /** Whether everything was finished in time. */
  private async drain(delayMs: number, ms: number): Promise<boolean> {
    // It is still starting, so there is nothing to drain.
    if (this.node === null) return true;
    this.node.announceStop();
    if (delayMs > 0) await pause(delayMs);
    const late = pause(ms + STOP_MARGIN_MS, false);
    return Promise.race([this.node.stop(ms).then(() => true), late]);
  }
}

/** Stops a node on SIGTERM and SIGINT. */
function stopOnSignals(life: Life, config: Config, log: Logger): void {
  const signalled = (signal: string): void => {
    if (life.isStopping) exit(log, `${signal} again: ended at once`, 1);
    log.info({ signal }, 'stopping');
    life.stop(config.DRAIN_DELAY_MS, config.DRAIN_MS);
  };
  process.on('SIGTERM', signalled);
  process.on('SIGINT', signalled);
}

/**
 * Stops a worker when its parent says so. Ctrl-C and some service managers send their signal to the parent and all workers
 * at the same moment. So a worker only reports its signal, and the parent drains one worker after another.
 */
function obey(parent: Parent, life: Life, config: Config, log: Logger): void {
  const signalled = (signal: string): void => parent.report({ type: 'asks_to_stop', signal });
  process.on('SIGTERM', signalled);
  process.on('SIGINT', signalled);
  const order = (given: ToWorker): void => {
    switch (given.type) {
      case 'announce_stop':
        return life.announceStop();
      case 'stop':
        log.info({}, 'stopping');
        return life.stop(0, given.ms);
      case 'renew_certificate':
        return life.renewCertificate();
    }
  };
  parent.obey(order, () => {
    if (life.isStopping) return;
    log.warn({}, 'the process that started this worker is gone: stopping');
    life.stop(0, config.DRAIN_MS);
  });
}
