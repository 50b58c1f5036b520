import { errorText } from './errors.js';
import { FairShare } from './fair-share.js';
import type { Answer } from './messages/answers.js';
import type { RoomEvent } from './messages/events.js';
import type { LoopTurns } from './loop-turns.js';
import { Mailbox, type Behaviour } from './mailbox.js';
import type { Append, AppendResult, Broker, Clock, Delivery, Log, Meter, Outlet, Store } from './ports.js';
import { Scheduler, type Parent } from './scheduler.js';

/**
 * What became of a staged entry: an `AppendResult`, or `stale`: an earlier entry of the room failed, so this
 * one, which was decided on top of it, was not tried.
 */
export type Outcome = 'committed' | 'fenced' | 'duplicate' | 'failed' | 'stale';

/** The room that staged an entry. It is told the outcome before any later entry is looked at. */
export interface Stager {
  outcome(entry: Staged, outcome: Outcome): void;
  /** False once an earlier entry has failed that this one was decided on top of. */
  stands(entry: Staged): boolean;
  /** Which events of a committed entry may be published. */
  publishable(entry: Staged): readonly RoomEvent[];
}

/** One room's decisions of one turn. Nobody hears of them before they are in the store. */
export interface Staged {
  readonly stager: Stager;
  /** Counts the room's failed commits: an entry of an earlier epoch no longer stands. */
  readonly epoch: number;
  readonly append: Append | null;
  readonly events: readonly RoomEvent[];
  readonly answers: readonly (readonly [Delivery, Answer])[];
}

export interface Journal {
  /** False when the journal is full: nothing was staged. */
  stage(entry: Staged): boolean;
  readonly depth: number;
  /** Resolves when nothing is staged. */
  idle(): Promise<void>;
}

/** How large a commit may grow, and how long it may wait to. */
export interface JournalOptions {
  /**
   * Events in one transaction; a room's turn is never divided, so it may be up to one turn (64 commands)
   * more.
   */
  readonly commitBatch: number;
  /** How long a commit waits for more to gather while nothing is being committed, ms; 0: not at all. */
  readonly commitLingerMs: number;
}

interface Parts extends JournalOptions {
  readonly store: Store;
  readonly broker: Broker;
  readonly outlet: Pick<Outlet, 'expectMore'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
  readonly loop: LoopTurns;
}

/** `limit`: entries that may wait for their commit; at some kilobytes each, tens of megabytes. */
const LIMITS = { limit: 50_000, batch: 50_000 };
/** At most one line about failed commits in this many ms. */
const COMPLAINT_MS = 1_000;

/**
 * Group commit over all rooms: one append takes everything that was staged during the last one, of each room its share
 * (`fair-share.ts`). When the store has decided it, its events are published in the order in which they were staged, then its answers go
 * out, and the next append begins.
 */
export function createJournal(parent: Parent, parts: Parts): Journal {
  const { store, broker, outlet, clock, log, meter } = parts;
  let gathered: Staged[] = [];
  const fairShare = new FairShare();
  let weight = 0;
  let lingering = false;
  let committing = 0;
  let waiters: (() => void)[] = [];
  /** Rooms whose commits failed since the last line about them. */
  let unsaid = 0;
  let quietUntil = -Infinity;

  const behaviour: Behaviour<Staged> = {
    receive(entry) {
      gather(entry);
      if (weight >= parts.commitBatch) mailbox.pause();
    },
    turnEnded() {
      if (gathered.length === 0) return;
      if (parts.commitLingerMs === 0 || weight >= parts.commitBatch) {
        begin();
      } else if (!lingering) {
        lingering = true;
        clock.after(parts.commitLingerMs, begin);
      }
    },
    crashed(cause) {
      meter.crashed('journal');
      log.error({ cause: errorText(cause) }, 'journal: a crash; the entries it held are given up');
      for (const entry of take()) finish(entry, 'failed', undefined);
    },
  };
  const mailbox = new Mailbox<Staged>(new Scheduler(parent, 'journal', parts.loop), LIMITS, behaviour);

  function gather(entry: Staged): void {
    gathered.push(entry);
    weight += entry.append?.events.length ?? 0;
  }

  function take(): Staged[] {
    const taken = gathered;
    gathered = [];
    weight = 0;
    lingering = false;
    return taken;
  }

  function begin(): void {
    if (gathered.length === 0 || committing > 0) return;
    const { now: batch, later } = fairShare.split(take());
    later.forEach(gather);
    mailbox.pause();
    committing = batch.length;
    outlet.expectMore(true);
    const done = commit(batch).catch((cause: unknown) => {
      meter.crashed('journal');
      log.error({ cause: errorText(cause) }, 'journal: a crash while answers went out');
    });
    void done.finally(() => {
      committing = 0;
      outlet.expectMore(false);
      mailbox.resume();
      // What waits in the mailbox is gathered first, and has its share of the next commit.
      if (mailbox.depth === 0) begin();
      if (depth() === 0) {
        waiters.forEach((ready) => ready());
        waiters = [];
      }
    });
  }

  function depth(): number {
    return mailbox.depth + gathered.length + committing;
  }

  async function commit(batch: readonly Staged[]): Promise<void> {
    const live = batch.filter((entry) => {
      if (entry.stager.stands(entry)) return true;
      finish(entry, 'stale', undefined);
      return false;
    });
    const outcomes = await append(live);
    const committed: Staged[] = [];
    for (const [i, entry] of live.entries()) {
      const outcome = outcomes[i] ?? 'committed';
      // A stored entry is a fact, whatever failed beside it. An entry without anything to store fails with
      // the entry of its room before it.
      if (outcome !== 'committed') finish(entry, outcome, undefined);
      else if (entry.append !== null || entry.stager.stands(entry)) committed.push(entry);
      else finish(entry, 'stale', undefined);
    }
    const events = committed.flatMap((entry) => entry.stager.publishable(entry));
    const published = events.length > 0 ? publish(events) : undefined;
    meter.posted(events.reduce((posts, { type }) => (type === 'message_posted' ? posts + 1 : posts), 0));
    for (const entry of committed) finish(entry, 'committed', published);
  }

  /** What became of each entry; undefined for one that has nothing to store. */
  async function append(entries: readonly Staged[]): Promise<(Outcome | undefined)[]> {
    const appends: Append[] = [];
    for (const entry of entries) if (entry.append !== null) appends.push(entry.append);
    if (appends.length === 0) return [];
    const begun = clock.elapsed();
    let results: AppendResult[] | null = null;
    try {
      results = await store.append(appends);
      const lost = results.filter((result) => result === 'failed').length;
      if (lost > 0) complain(lost, 'the store did not take these rooms, and others of the same commit');
      meter.committed(
        appends.reduce((sum, one, i) => sum + (results?.[i] === 'committed' ? one.events.length : 0), 0),
        clock.elapsed() - begun,
      );
    } catch (cause) {
      complain(appends.length, errorText(cause));
    }
    let next = 0;
    return entries.map((entry) => (entry.append === null ? undefined : (results?.[next++] ?? 'failed')));
  }

  /**
   * Logs at most one line a second: while the store is down, every post comes by here, and is answered and
   * counted.
   */
  function complain(rooms: number, cause: string): void {
    unsaid += rooms;
    if (clock.elapsed() < quietUntil) return;
    log.error({ cause, rooms: unsaid }, 'journal: not committed; the senders are told');
    unsaid = 0;
    quietUntil = clock.elapsed() + COMPLAINT_MS;
  }

  /**
   * Events that cannot be published are in the store all the same: an audience that misses them reads them
   * there.
   */
  async function publish(events: readonly RoomEvent[]): Promise<void> {
    try {
      await broker.publish(events);
    } catch (cause) {
      meter.dropped('event_not_published');
      log.warn(
        { cause: errorText(cause), events: events.length },
        'journal: committed events could not be published',
      );
    }
  }

  /**
   * A throw in one of these must not cost the answers behind it. Without closures: they would be two a post.
   */
  function finish(entry: Staged, outcome: Outcome, published: Promise<void> | undefined): void {
    try {
      entry.stager.outcome(entry, outcome);
    } catch (cause) {
      crashed(cause);
    }
    for (const [delivery, answer] of entry.answers) {
      try {
        if (outcome === 'committed') delivery.settle(answer, published);
        else delivery.retry(`not committed: ${outcome}`, !store.state().ready);
      } catch (cause) {
        crashed(cause);
      }
    }
  }

  function crashed(cause: unknown): void {
    meter.crashed('journal');
    log.error({ cause: errorText(cause) }, 'journal: a crash while an answer went out');
  }

  return {
    stage: (entry) => mailbox.tell(entry),
    get depth() {
      return depth();
    },
    idle: () => (depth() === 0 ? Promise.resolve() : new Promise((ready) => waiters.push(ready))),
  };
}
