import { run } from '../../../api/run.js';

/** The program, but it passes on all typing frames. */
await run({ typingMs: 0 });
