import { dispatch, spawn, stop, type ActorSystemRef, type Ref, type SupervisionActorFunc } from 'nact';
import { RoomActor } from './room/actor.js';
import type { RoomParts } from './room/parts.js';
import type { RoomSupervisor, WakeUp } from './room/supervisor.js';
import type { Scheduler } from './scheduler.js';

/** What spawned rooms need of their supervisor. One object for all rooms. */
export interface Supervision {
  readonly scheduler: Scheduler;
  /** The nact actor whose children the rooms are. */
  readonly parent: ActorSystemRef;
  readonly parts: RoomParts;
  readonly nameOf: (roomId: string) => string;
  readonly idle: (room: RoomActor) => void;
  readonly ended: (room: RoomActor, reason: string) => void;
  /**
   * resume: only this command failed, the state is whole. reset: rebuild from the store. stop: rest. Must not
   * throw: if a strategy throws, the process ends.
   */
  readonly strategy: (room: RoomActor, cause: unknown, whole: boolean) => 'resume' | 'reset' | 'stop';
}

/**
 * The message that tells nact of a crash. nact finds it unhandled, because `raise` throws, and asks
 * `onCrash`.
 */
interface Fault {
  readonly spawned: SpawnedRoom;
  readonly cause: unknown;
  readonly whole: boolean;
}

type State = SpawnedRoom;

/**
 * A room as a nact actor: nact spawns it, decides what becomes of it when it crashes, and stops it. Its turns
 * come from the scheduler that all rooms share, so nact does not see a turn throw: the crash is sent to the
 * nact actor as a message.
 */
export class SpawnedRoom implements RoomSupervisor {
  readonly room: RoomActor;
  private ref: Ref<Fault> | null = null;

  constructor(
    roomId: string,
    private readonly supervision: Supervision,
    wakeUp: WakeUp,
  ) {
    this.room = new RoomActor(roomId, supervision.scheduler, supervision.parts, this, wakeUp);
  }

  /** Begins. */
  spawn(): void {
    const { parent, nameOf } = this.supervision;
    this.ref = spawn(parent, raise, nameOf(this.room.roomId), {
      initialState: this,
      onCrash,
    });
    this.room.begin();
  }

  stop(): void {
    if (this.ref) stop(this.ref);
  }

  idle(): void {
    this.supervision.idle(this.room);
  }

  ended(reason: string): void {
    this.supervision.ended(this.room, reason);
  }

  crashed(cause: unknown, whole: boolean): void {
    if (this.ref) dispatch(this.ref, { spawned: this, cause, whole });
  }

  /** What is to be done about a crash. */
  strategyFor(cause: unknown, whole: boolean): 'resume' | 'reset' | 'stop' {
    const strategy = this.supervision.strategy(this.room, cause, whole);
    if (strategy === 'resume') this.room.resume();
    if (strategy === 'reset') this.room.begin();
    return strategy;
  }
}

/** The nact actor's message handler. It throws, because only then nact asks for a strategy. */
function raise(_state: State, { cause }: Fault): State {
  throw cause;
}

const onCrash: SupervisionActorFunc<Fault, ActorSystemRef, Ref<unknown>> = (fault, cause, ctx) =>
  // nact knows no message where an initial state throws, and this one is a constant.
  fault === undefined ? ctx.stop : ctx[fault.spawned.strategyFor(cause, fault.whole)];
