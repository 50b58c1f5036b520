/** In the environment of parlor-gathering.ts: a rule of gathering, as JSON. */
export const GATHER = 'BENCH_GATHER';
