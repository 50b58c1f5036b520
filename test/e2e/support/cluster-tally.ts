import type { Test } from 'tap';
import { GRACE_MS } from './cluster-scene.js';
import type { Resident } from './residents.js';
import type { Ending, Scene } from './scene.js';

/** How much sooner or later than after `GRACE_MS` the seats of a node that is gone may be free, ms. */
const SLACK_MS = 2_000;

/** What is counted over all runs of a scenario. */
export class Tally {
  private runs = 0;
  private tries = 0;
  private readonly intruders: string[] = [];
  private readonly cutOff: string[] = [];
  private readonly lefts: string[] = [];
  private readonly faults: string[] = [];
  private readonly firstPost: number[] = [];
  private readonly lastPost: number[] = [];
  /** After how many ms a seat that should become free was taken by somebody else. */
  private readonly freed: number[] = [];
  private toFree = 0;

  constructor(private readonly name: string) {}

  add(scene: Scene, { faults }: Ending): void {
    const { residents, intruders, happenedAt } = scene;
    this.runs++;
    this.tries += intruders.reduce((sum, { tries }) => sum + tries, 0);
    this.faults.push(...faults);
    const firsts: number[] = [];
    for (const { record, cutOff, answers } of residents) {
      if (cutOff !== null) this.cutOff.push(`${record.name}: ${cutOff}`);
      const first = answers.find(({ what, sentAt }) => what === 'posted' && sentAt >= happenedAt);
      if (first) firsts.push(first.at - happenedAt);
    }
    this.firstPost.push(Math.min(...firsts));
    this.lastPost.push(Math.max(...firsts));
    for (const room of new Set(residents.map((resident) => resident.room))) this.addRoom(scene, room);
  }

  private addRoom({ residents, intruders, stage, happenedAt }: Scene, room: string): void {
    const gone = residents.filter((resident) => resident.room === room && resident.isGone);
    const entries = intruders
      .filter((intruder) => intruder.room === room && intruder.cameInAt !== null)
      .map(({ record, cameInAt }) => ({ name: record.name, ms: (cameInAt ?? 0) - happenedAt }))
      .sort((a, b) => a.ms - b.ms);
    const rightful = entries.slice(0, gone.length);
    this.toFree += gone.length;
    this.freed.push(...rightful.map(({ ms }) => ms));
    this.intruders.push(...entries.slice(gone.length).map(({ name }) => name));
    const visits = stage.visits.visits.filter(({ room_id }) => room_id === room);
    for (const { user, told } of visits) {
      const lefts = told.filter(({ type }) => type === 'left').flatMap(({ users }) => users);
      for (const one of residents.filter((resident) => resident.room === room))
        this.addLefts(one, user, lefts.filter((left) => left === one.user).length);
    }
    // Who has been there all the time is told once of each who went.
    for (const one of gone) {
      const there = visits.filter(
        ({ user, welcome_at }) => user !== one.user && (welcome_at ?? Infinity) < happenedAt,
      );
      const untold = there.filter(
        ({ told }) => !told.some(({ at, type, users }) => at > happenedAt && saysLeft(type, users, one.user)),
      );
      this.lefts.push(...untold.map(({ user }) => `${user} in ${room} was never told that ${one.user} left`));
    }
  }

  private addLefts({ user: left, room, isGone }: Resident, user: string, times: number): void {
    if (times > (isGone ? 1 : 0))
      this.lefts.push(`${user} in ${room} was told ${times} times that ${left} left`);
  }

  /** Prints a line, and insists that all is as it should be. */
  verdict(t: Test): void {
    const { runs, tries, intruders, cutOff, lefts, faults, firstPost, lastPost, freed, toFree } = this;
    t.comment(
      `${this.name}: runs ${runs}, attempts to get in ${tries}, intruders ${intruders.length}, ` +
        `cut off ${cutOff.length}, wrong lefts ${lefts.length}, other violations ${faults.length}; ` +
        `first post after ${range(firstPost)} ms, everybody’s after ${range(lastPost)} ms` +
        (toFree > 0 ? `; ${freed.length} of ${toFree} seats free after ${range(freed)} ms` : ''),
    );
    t.same(intruders.slice(0, 20), [], 'nobody else got in');
    t.same(cutOff.slice(0, 20), [], 'nobody was cut off');
    t.same(lefts.slice(0, 20), [], 'who stayed was not said to have left, who went was, once');
    t.same(faults.slice(0, 20), [], 'the promises hold');
    if (toFree === 0) return;
    t.equal(freed.length, toFree, 'every seat of somebody who went became free');
    const early = freed.filter((ms) => ms < GRACE_MS - SLACK_MS);
    t.same(early, [], `none of them sooner than ${SLACK_MS} ms before its grace was over`);
  }
}

/** The least and the most of some numbers, and the one in the middle. */
export function range(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b).map(Math.round);
  if (sorted.length < 2) return String(sorted[0] ?? 'never');
  return `${sorted[0]}…${sorted.at(-1)} (median ${sorted[sorted.length >> 1]})`;
}

/** A list of all members without somebody says as much as `left`: it comes instead when somebody else came in meanwhile. */
function saysLeft(type: string, users: readonly string[], user: string): boolean {
  if (type === 'members') return !users.includes(user);
  return type === 'left' && users.includes(user);
}
