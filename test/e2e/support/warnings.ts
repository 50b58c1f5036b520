import { missingOn } from '../../../api/runtime.js';
import type { LogLine, Parlor } from '../../support/parlor.js';

const OLD_NODE = missingOn(Number.parseInt(process.versions.node, 10));

/** What a program has logged as a warning or worse, but that its Node is old. */
export function warnings({ logs }: Parlor): LogLine[] {
  return logs.filter(({ level, msg }) => level >= 40 && msg !== OLD_NODE);
}
