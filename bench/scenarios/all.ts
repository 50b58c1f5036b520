import { attacks } from './attacks.js';
import { auth } from './auth.js';
import { before } from './before.js';
import { bigRoom } from './big-room.js';
import { fanOut, fanOutIdle } from './fan-out.js';
import { floodScenario } from './flood.js';
import { foreignJoin } from './foreign-join.js';
import { gathering } from './gathering.js';
import { idle } from './idle.js';
import { joinStorm, reconnectStorm, resumeStorm } from './joins.js';
import { latency } from './latency.js';
import { longRoom } from './long-room.js';
import { manyRooms } from './many-rooms.js';
import { mixed } from './mixed.js';
import { nodes } from './nodes.js';
import { overload } from './overload.js';
import { post } from './post.js';
import { roomsASocket } from './rooms-a-socket.js';
import { roomsCost } from './rooms-cost.js';
import { scale } from './scale.js';
import type { Scenario } from './scenario.js';
import { slow } from './slow.js';

/** All scenarios, in the order in which they are run and reported. */
export const SCENARIOS: readonly Scenario[] = [
  fanOut,
  fanOutIdle,
  gathering,
  manyRooms,
  idle,
  roomsASocket,
  bigRoom,
  nodes,
  scale,
  joinStorm,
  post,
  auth,
  latency,
  reconnectStorm,
  resumeStorm,
  roomsCost,
  longRoom,
  mixed,
  slow,
  floodScenario,
  attacks,
  overload,
  before,
  foreignJoin,
];
