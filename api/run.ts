import { setTimeout as pause } from 'node:timers/promises';
import { errorText } from '../engine/errors.js';
import { greet } from './banner.js';
import { complain, configOrExit, exit } from './ending.js';
import { createLog } from './logging.js';
import { startNode, type Extra, type Node } from './node.js';

/** What ending may take beyond DRAIN_MS; with its default a node is gone within 10 s. */
const STOP_MARGIN_MS = 1_500;

/**
 * Runs until SIGTERM or SIGINT, and drains then; the same signal once more ends it at once. Exit code 0 when drained, 1
 * when it could not start or was ended at once, 2 for wrong settings.
 */
export async function run(extra: Extra = {}): Promise<void> {
  const config = configOrExit();
  const log = createLog(config);
  let stopping = false;
  let node: Node | null = null;

  async function stop(): Promise<void> {
    if (node === null) return;
    node.announceStop();
    if (config.DRAIN_DELAY_MS > 0) await pause(config.DRAIN_DELAY_MS);
    const late = pause(config.DRAIN_MS + STOP_MARGIN_MS, undefined, { ref: false }).then(() =>
      log.warn({}, 'not everything could be finished in time'),
    );
    await Promise.race([node.stop(config.DRAIN_MS), late]);
  }

  const signalled = (signal: string): void => {
    if (stopping) exit(log, `${signal} again: ended at once`, 1);
    stopping = true;
    log.info({ signal }, 'stopping');
    stop().then(
      () => exit(log, 'stopped', 0),
      (cause: unknown) => exit(log, errorText(cause), 1),
    );
  };
  process.on('SIGTERM', signalled);
  process.on('SIGINT', signalled);
  try {
    node = await startNode(config, log, extra);
    greet(config, node, log);
  } catch (cause) {
    log.flush();
    process.exit(complain(errorText(cause), 1));
  }
}
