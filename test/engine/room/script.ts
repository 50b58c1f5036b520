import fc from 'fast-check';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import { isDurable, type RoomEvent } from '../../../engine/messages/events.js';
import type { Policy } from '../../../engine/messages/policy.js';
import { decide } from '../../../engine/room/decide.js';
import { completeRoll, expire, remember } from '../../../engine/room/seating.js';
import type { Context } from '../../../engine/room/decision.js';
import { evolve } from '../../../engine/room/evolve.js';
import { BARE } from '../../../engine/room/presets.js';
import { isPrivate, recordOf, wake, type Fact, type RoomState } from '../../../engine/room/state.js';

/** A step in a room's life: a command, the time going on, a rebuild after a crash, a node's end, or that of a roll call. */
export type Step =
  | { readonly do: 'command'; readonly command: Command }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'rebuild' }
  | { readonly do: 'node gone' }
  | { readonly do: 'roll over' };

export interface Moment {
  readonly step: Step;
  readonly before: RoomState;
  readonly after: RoomState;
  readonly facts: readonly Fact[];
  /** null where nobody asked; `wait` where a roll call has to be over first. */
  readonly answer: Answer | 'wait' | null;
}

const ROOM = { room_id: 'r' };
const USERS = ['ann', 'bob', 'cid', 'dan'];

export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString().padStart(12, '0')}`;
}

const user = fc.constantFrom(...USERS);
const connection_id = fc.nat(7).map(uuid);
const node_id = fc.constantFrom(uuid(98), uuid(99));

const policies: fc.Arbitrary<Policy> = fc.record({
  capacity: fc.constantFrom(1, 2, 3, null),
  creation: fc.constantFrom('on_demand', 'explicit'),
  deletion: fc.constantFrom('manual', 'when_empty', 'never'),
  grace_ms: fc.constantFrom(0, 100, 1_000),
  idle_ms: fc.constant(1_000),
  deliver_alone: fc.boolean(),
  post: fc.constantFrom('members', 'anyone'),
  retention: fc.constantFrom(null, { max_messages: 5 }),
});

const presence = fc.record({ user, connection_id });

const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ type: fc.constant('join' as const), user, connection_id, node_id })
      .map((c) => ({ ...ROOM, ...c })),
  },
  { weight: 3, arbitrary: presence.map((c) => ({ ...ROOM, type: 'leave' as const, ...c })) },
  {
    weight: 3,
    arbitrary: fc
      .record({ user: fc.option(user), id: fc.nat(1e6).map(uuid) })
      .map((c) => ({ ...ROOM, type: 'post' as const, text: ' hello ', ...c })),
  },
  user.map((name) => ({ ...ROOM, type: 'typing' as const, user: name })),
  user.map((name) => ({ ...ROOM, type: 'kick' as const, user: name })),
  policies.map((policy) => ({ ...ROOM, type: 'open' as const, policy })),
  fc.constant({ ...ROOM, type: 'open' as const, policy: {} }),
  fc.boolean().map((purge) => ({ ...ROOM, type: 'close' as const, purge })),
  fc.constant({ ...ROOM, type: 'describe' as const }),
  fc
    .record({ node_id, present: fc.array(presence, { maxLength: 4 }) })
    .map((c) => ({ ...ROOM, type: 'assert' as const, first: true, last: true, ...c })),
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: commands.map((command) => ({ do: 'command' as const, command })) },
  { weight: 2, arbitrary: fc.constantFrom(0, 50, 100, 1_000).map((ms) => ({ do: 'pass' as const, ms })) },
  { weight: 1, arbitrary: fc.constant({ do: 'rebuild' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'node gone' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'roll over' as const }) },
);

export const lives = fc.record({
  preset: policies,
  steps: fc.array(steps, { minLength: 1, maxLength: 60 }),
});
export type Life = { preset: Policy; steps: Step[] };

/** Wall clock and monotonic clock are one here. Node 97 is dead. */
export function at(now: number, presenceLimit = 256): Context {
  let ids = now * 1_000;
  return {
    at: new Date(now).toISOString(),
    elapsed: now,
    newId: () => uuid(++ids),
    presenceLimit,
    lives: (node) => node !== uuid(97),
    home: uuid(99),
    callId: uuid(1),
  };
}

export function fresh(preset: Policy = BARE): RoomState {
  return wake('r', preset, null, false, 0);
}

/** Leads a life as the actor would, and remembers every moment of it. */
export function live({ preset, steps: script }: Life): Moment[] {
  const moments: Moment[] = [];
  let state = fresh(preset);
  let now = 1_000_000;
  for (const step of script) {
    const before = state;
    const about = at((now += 1));
    let facts: readonly Fact[] = [];
    let answer: Moment['answer'] = null;
    if (step.do === 'pass') {
      now += step.ms;
      facts = expire(state, at(now));
      state = facts.reduce(evolve, state);
    } else if (step.do === 'rebuild') {
      const record = state.status === 'absent' ? null : recordOf(state);
      const members = [...state.seats.keys()];
      state = wake('r', preset, record, true, state.members_version + 1);
      state = remember(members, state, about).reduce(evolve, state);
    } else if (step.do === 'node gone') {
      state = evolve(state, { type: 'node_gone', node_id: uuid(98), since: now });
    } else if (step.do === 'roll over') {
      facts = state.calling ? completeRoll(state, 0, about) : [];
      state = facts.reduce(evolve, state);
    } else {
      const decision = decide(state, step.command, about);
      answer = decision.type === 'wait' ? 'wait' : decision.answer;
      if (decision.type === 'accepted') ({ facts, state } = decision);
    }
    moments.push({ step, before, after: state, facts, answer });
  }
  return moments;
}

export function eventsOf(moments: readonly Moment[]): RoomEvent[] {
  return moments.flatMap(({ facts }) => facts.filter((fact): fact is RoomEvent => !isPrivate(fact)));
}

export function seqsOf(moments: readonly Moment[]): number[] {
  return eventsOf(moments)
    .filter(isDurable)
    .map(({ seq }) => seq);
}

export function seatsOf(state: RoomState): string[] {
  return [...state.seats.keys()].sort();
}

/** A state as data to compare. */
export function plain(state: RoomState): unknown {
  return { ...state, seats: [...state.seats], gone: [...state.gone] };
}
