import fc from 'fast-check';
import type { Command } from '../../../engine/messages/commands.js';
import type { Client } from '../../support/engine.js';
import { Cluster, postOf } from '../cluster.js';
import { seededRandom } from '../../support/random.js';
import type { ClusterNode } from './node.js';
import type { Delayed } from './parts.js';
import { rest } from './rest.js';

const NODES = 3;
/** A room of two that only members write in; one for as long as somebody is there; and one for many, quiet for one alone. */
const PRESETS = {
  'two-': { capacity: 2, post: 'members', grace_ms: 1_000 },
  'tmp-': { capacity: 2, deletion: 'when_empty', grace_ms: 0 },
  'all-': { capacity: null, deletion: 'when_empty', grace_ms: 5_000, deliver_alone: false },
} as const;
const ROOMS = ['two-1', 'tmp-1', 'all-1'];
const USERS = ['ann', 'bob', 'cat', 'dan'];
const KINDS: readonly Delayed[] = ['requests', 'commands', 'answers', 'events', 'words', 'confirms'];
const BREATHS = [1, 20, 100, 600];
const TIMES = [1, 100, 600, 1_000, 1_500, 2_500, 5_000, 7_000, 31_000];

/** `crash`: in a decision; `shatter`: behind it, so that the room is rebuilt. */
type Act =
  | {
      readonly do: 'join';
      readonly at: number;
      readonly room: string;
      readonly user: string;
      readonly back: boolean;
    }
  | { readonly do: 'leave' | 'post'; readonly room: string; readonly which: number }
  | {
      readonly do: 'send' | 'open' | 'close' | 'describe' | 'crash' | 'shatter';
      readonly at: number;
      readonly room: string;
    }
  | { readonly do: 'kick'; readonly at: number; readonly room: string; readonly user: string }
  | { readonly do: 'drain' | 'snatch'; readonly room: string; readonly at: number }
  | { readonly do: 'cut' | 'silence' | 'mend' | 'kill' | 'restart' | 'suspend' | 'goOn'; readonly at: number }
  | { readonly do: 'store'; readonly at: number; readonly fault: 'none' | 'away' | 'mute' }
  | { readonly do: 'slow'; readonly at: number; readonly kind: Delayed | 'store'; readonly most: number }
  /** `jump`: the time passes while things are under way. */
  | { readonly do: 'pass' | 'jump'; readonly ms: number };

/** `turns`: of the event loop before the next step. */
export type Step = Act & { readonly turns: number };

const at = fc.nat({ max: NODES - 1 });
const room = fc.constantFrom(...ROOMS);
const user = fc.constantFrom(...USERS);
const which = fc.nat({ max: 5 });
const one = <T extends string>(...names: T[]): fc.Arbitrary<T> => fc.constantFrom(...names);

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: one('join'), at, room, user, back: fc.boolean() }) },
  { weight: 7, arbitrary: fc.record({ do: one('leave', 'post'), room, which }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: one('send', 'open', 'close', 'describe', 'crash', 'shatter'), at, room }),
  },
  { weight: 1, arbitrary: fc.record({ do: one('kick'), at, room, user }) },
  { weight: 3, arbitrary: fc.record({ do: one('drain', 'snatch'), at, room }) },
  { weight: 3, arbitrary: fc.record({ do: one('cut', 'silence', 'kill', 'suspend'), at }) },
  { weight: 3, arbitrary: fc.record({ do: one('mend', 'restart', 'goOn'), at }) },
  { weight: 1, arbitrary: fc.record({ do: one('store'), at, fault: one('none', 'away', 'mute') }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: one('slow'), at, kind: one(...KINDS, 'store'), most: fc.nat({ max: 30 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: one('pass'), ms: fc.constantFrom(...TIMES) }) },
  { weight: 2, arbitrary: fc.record({ do: one('jump'), ms: fc.constantFrom(...BREATHS) }) },
);

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(act, fc.nat({ max: 8 })).map(([what, turns]) => ({ ...what, turns })),
  { minLength: 1, maxLength: 30, size: 'max' },
);

/** Does all steps on a cluster of its own, then lets it come to rest. Rejects with all that was wrong. */
export async function play(seed: number, schedule: readonly Step[]): Promise<void> {
  const random = seededRandom(seed);
  const cluster = await Cluster.start({
    nodes: NODES,
    partitions: 2,
    presets: PRESETS,
    random,
    // What breaks off a broken link: before the others take the node for gone, or after.
    timing: { giveUpMs: random() < 0.5 ? 3_000 : 8_000 },
    engine: { fault: on('boom'), faultAfter: on('bang') },
  });
  const player = new Player(cluster);
  for (const step of schedule) {
    cluster.note(JSON.stringify(step));
    await player.play(step);
    await cluster.turns(step.turns);
    if (cluster.guard.faults.length > 0) break;
  }
  cluster.check();
  cluster.note('REST');
  await rest(cluster, ROOMS);
}

/** A fault at posts that begin with this word. */
function on(word: string): (command: Command) => void {
  return (command) => {
    if (command.type === 'post' && command.text.startsWith(word)) throw new Error('as asked');
  };
}

class Player {
  private posts = 0;

  constructor(private readonly cluster: Cluster) {}

  async play(step: Step): Promise<void> {
    const { cluster } = this;
    switch (step.do) {
      case 'join':
        this.join(step);
        return;
      case 'leave':
        this.with(step.room, step.which, (client) => cluster.close(client));
        return;
      case 'post':
        this.with(step.room, step.which, (client) => cluster.post(client, `p${++this.posts}`));
        return;
      case 'pass':
        await cluster.pass(step.ms);
        return;
      case 'jump':
        cluster.clock.jump(step.ms);
        return;
      case 'drain':
      case 'snatch':
        this.living(step.at, ({ endpoint }) =>
          cluster.network.move(
            cluster.partitionOf(step.room),
            endpoint,
            step.do === 'drain' ? 'drain' : 'abrupt',
          ),
        );
        return;
      case 'store':
        cluster.node(step.at).gate.fault = step.fault;
        return;
      case 'slow':
        if (step.kind === 'store') cluster.node(step.at).gate.delay = step.most;
        else cluster.node(step.at).endpoint.delays[step.kind] = step.most;
        return;
      case 'cut':
        cluster.cut(step.at);
        return;
      case 'silence':
        cluster.cut(step.at, 'silent');
        return;
      case 'mend':
        cluster.mend(step.at);
        return;
      case 'kill':
        cluster.kill(step.at);
        return;
      case 'restart':
        await cluster.restart(step.at);
        return;
      case 'suspend':
        cluster.suspend(step.at);
        return;
      case 'goOn':
        await cluster.goOn(step.at);
        return;
      case 'send':
      case 'open':
      case 'close':
      case 'describe':
      case 'crash':
      case 'shatter':
      case 'kick':
        this.ask(step.at, step.room, this.commandOf(step));
    }
  }

  private commandOf(
    step: Extract<Step, { do: 'send' | 'open' | 'close' | 'describe' | 'crash' | 'shatter' | 'kick' }>,
  ): Command {
    const room_id = step.room;
    switch (step.do) {
      case 'send':
        return postOf(room_id, `s${++this.posts}`);
      case 'crash':
        return postOf(room_id, `boom ${++this.posts}`);
      case 'shatter':
        return postOf(room_id, `bang ${++this.posts}`);
      case 'open':
        return { type: 'open', room_id, policy: {} };
      case 'close':
        return { type: 'close', room_id, purge: false };
      case 'describe':
        return { type: 'describe', room_id };
      case 'kick':
        return { type: 'kick', room_id, user: step.user };
    }
  }

  private living(at: number, act: (node: ClusterNode) => void): void {
    const node = this.cluster.node(at);
    if (node.isAlive) act(node);
  }

  private join(step: Extract<Step, { do: 'join' }>): void {
    this.living(step.at, () => {
      const before = [...this.cluster.guard.seen.values()].findLast(
        (seen) => seen.room === step.room && seen.user === step.user && seen.welcomedAt !== null,
      );
      this.cluster.connect(step.at, step.room, step.user, step.back ? (before?.last ?? null) : null);
    });
  }

  private with(room: string, which: number, act: (client: Client) => void): void {
    const open = this.cluster.guard.inRoom(room);
    const seen = open[which % Math.max(1, open.length)];
    if (seen) act(seen.client);
  }

  /** Asks, and judges the answer when it comes: who was there all the time is a member. */
  private ask(at: number, room: string, command: Command): void {
    const { guard } = this.cluster;
    this.living(at, () => {
      const before = guard.seatedConnections(room);
      void this.cluster.request(at, command).then((answer) => {
        const now = guard.seatedConnections(room);
        const stayed = new Set([...before].filter((seen) => now.has(seen)).map(({ user }) => user));
        if (answer.type === 'posted') guard.acked(room, answer.message.event_id, answer.message.seq);
        if (answer.type === 'described')
          for (const user of stayed)
            if (!answer.room.members.includes(user))
              guard.fault(`${user} stayed in ${room}, and is not shown there`);
        if (
          command.type === 'kick' &&
          answer.type === 'refused' &&
          answer.code === 'not_a_member' &&
          stayed.has(command.user)
        )
          guard.fault(`${command.user} stayed in ${room}, and cannot be kicked`);
      });
    });
  }
}
