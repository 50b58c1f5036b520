export type * from './types.js';
export { ParlorProvider, useConnection } from './provider.js';
export { useMembers, useRoom } from './room.js';
export { useMessages } from './messages.js';
export { useTyping } from './typing.js';
