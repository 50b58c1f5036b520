export type * from './types.js';
export { ParlorProvider, useConnection } from './provider.js';
