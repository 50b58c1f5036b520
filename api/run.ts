import { errorText } from '../engine/errors.js';
import { greet } from './banner.js';
import { complain, configOrExit, exit } from './ending.js';
import { createLog } from './logging.js';
import { startNode, type Extra, type Node } from './node.js';

/** What ending may take beyond DRAIN_MS; with its default a node is gone within 10 s. */
const STOP_MARGIN_MS = 1_500;

/** Runs until SIGTERM or SIGINT. Exit code 0 when drained, 1 when it could not start, 2 for wrong settings. */
export async function run(extra: Extra = {}): Promise<void> {
  const config = configOrExit();
  const log = createLog(config);
  let stopping: string | null = null;
  let node: Node | null = null;
  const stop = (signal: string): void => {
    if (stopping !== null) return;
    stopping = signal;
    log.info({ signal }, 'stopping');
    const late = new Promise<void>((over) =>
      setTimeout(() => {
        log.warn({}, 'not everything could be finished in time');
        over();
      }, config.DRAIN_MS + STOP_MARGIN_MS).unref(),
    );
    void Promise.race([node?.stop(), late]).then(
      () => exit(log, 'stopped', 0),
      (cause: unknown) => exit(log, errorText(cause), 1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    node = await startNode(config, log, extra);
    greet(config, node, log);
  } catch (cause) {
    log.flush();
    process.exit(complain(errorText(cause), 1));
  }
}
