import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import type { PolicyChange } from '../../../engine/messages/policy.js';
import { decide } from '../../../engine/room/decide.js';
import { BARE } from '../../../engine/room/presets.js';
import type { Fact, RoomState } from '../../../engine/room/state.js';
import { at, fresh, uuid } from './script.js';

export const R = { room_id: 'r' };
let connections = 0;

export function join(user: string, connection = uuid(++connections)): Command {
  return { ...R, type: 'join', user, connection_id: connection, node_id: uuid(99) };
}

export function post(user: string | null = null): Command {
  return { ...R, type: 'post', id: uuid(5_000 + ++connections), user, text: 'hello' };
}

export const leave = (user: string, connection: string): Command => ({
  ...R,
  type: 'leave',
  user,
  connection_id: connection,
});

export interface Told {
  readonly state: RoomState;
  readonly facts: readonly Fact[];
  /** `wait`, the code of a refusal, or the type of the answer. */
  readonly last: string;
  readonly answer: Answer | null;
}

/** Tells a room several commands, at time 1,000. */
export function tell(state: RoomState, ...commands: Command[]): Told {
  let told: Told = { state, facts: [], last: '', answer: null };
  for (const command of commands) {
    const decision = decide(told.state, command, at(1_000));
    if (decision.type === 'wait') told = { ...told, last: 'wait' };
    else {
      const { answer } = decision;
      const last = answer.type === 'refused' ? answer.code : answer.type;
      told = { state: decision.state, facts: [...told.facts, ...decision.facts], last, answer };
    }
  }
  return told;
}

export function withPolicy(change: PolicyChange): RoomState {
  return fresh({ ...BARE, ...change });
}

export function types(facts: readonly Fact[]): string[] {
  return facts.map(({ type }) => type);
}
