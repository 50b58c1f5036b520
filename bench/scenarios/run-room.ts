import type { Group } from '../load/plan.js';
import { faultsOf, figuresOf, group, groupOf, planOf, runLoad } from './measure.js';
import type { RunContext } from './scenario.js';
import type { Subject } from './subjects.js';

/** A room, who is in it, and what is said there. */
export type RoomLoad = Pick<Group, 'name' | 'members' | 'posters' | 'load'>;

/** One load in a room of its own, connected and gone again. */
export async function runRoom(context: RunContext, server: Subject, room: RoomLoad) {
  const load = context.load(planOf([server], context.mode, [group(room)]));
  await load.connect();
  const { result, cpu } = await runLoad(load, [server]);
  await load.stop();
  return {
    figures: figuresOf(groupOf(result, room.name), result.seconds),
    cpu,
    faults: faultsOf(result, [server]).map((fault) => `${room.name}: ${fault}`),
  };
}
