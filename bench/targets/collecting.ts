/** In the environment of a Parlor that is to be parlor-collecting.ts: anything. */
export const COLLECTING = 'BENCH_COLLECTING';
