/** Prints the OpenAPI document that the program makes, without listening or opening a store. */
import { pino } from 'pino';
import { createApp } from '../api/app.js';
import { createMetrics } from '../api/metrics.js';
import { createGuard } from '../api/origins.js';
import type { AppParts } from '../api/parts.js';
import { systemClock } from '../adapters/system/clock.js';
import { OPEN_ACCESS } from './support/access.js';
import { BARE } from '../engine/room/presets.js';

const app = await createApp(
  {
    // Routes use them when they are called, and none is.
    engine: { access: OPEN_ACCESS } as AppParts['engine'],
    store: {} as AppParts['store'],
    longPolls: {} as AppParts['longPolls'],
    metrics: createMetrics(),
    guard: createGuard([], []),
    addressOf: (peer) => peer,
    clock: systemClock,
    presetOf: () => BARE,
    page: null,
    streams: null,
  },
  { log: pino({ level: 'silent' }), maxBodyBytes: 65_536 },
);
const { body } = await app.inject('/api/openapi.json');
process.stdout.write(`${JSON.stringify(JSON.parse(body), null, 2)}\n`);
await app.close();
