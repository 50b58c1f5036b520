import type { GatherRule } from '../../adapters/uws/gathered-outlet.js';
import { run } from '../../api/run.js';
import { GATHER } from './gather.js';

/** Parlor with another rule of how frames gather on their way out than its own. */
await run({ gather: JSON.parse(process.env[GATHER] ?? 'null') as GatherRule });
