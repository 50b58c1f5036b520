import type { History } from '../../checker/history.js';
import { seatsOf } from '../../checker/seats.js';
import type { LogLine, Parlor } from '../../support/parlor.js';
import type { Book } from '../support/book.js';
import type { DeadLetter } from './rest.js';

const LEVEL_WARN = 40;

/** What happened, in numbers: a line for each thing that is counted. */
export function figures(
  history: History,
  { strays }: Book,
  dead: readonly DeadLetter[],
  processes: readonly Parlor[],
): string[] {
  const { attempts, members, rooms, visits } = history;
  const answers = counted(
    attempts.map(({ answer }) => (answer.type === 'refused' ? answer.code : answer.type)),
  );
  const told = (type: string): Set<string> =>
    new Set(attempts.filter(({ answer }) => answer.type === type).map(({ id }) => id));
  const [posted, queued] = [told('posted'), told('queued')];
  const stored = rooms.flatMap(({ entries }) =>
    entries.flatMap(({ message }) => (message ? [message.id] : [])),
  );
  const onlyQueued = stored.filter((id) => queued.has(id) && !posted.has(id)).length;
  const silent = stored.filter((id) => !queued.has(id) && !posted.has(id)).length;
  const shown = members.flatMap(({ sessions }) => sessions).reduce((sum, one) => sum + one.entries.length, 0);
  const lines = processes.flatMap(({ logs }) => logs);
  const gone = lines.filter(({ msg }) => msg === 'rabbitmq: a node is gone').length;
  return [
    `${attempts.length} posts of ${new Set(attempts.map(({ id }) => id)).size} messages: ${answers}`,
    `${stored.length} messages stored, ${onlyQueued} of them answered 202 only, ${silent} not answered; ${shown} events shown`,
    `${visits.length} visits, ${visits.filter((one) => one.welcome_at === null).length} not let in; ${certainty(history)}`,
    ...intruders(history),
    `${dead.length} commands in parlor.dead: ${counted(dead.map(({ reason, detail }) => `${reason} (${detail})`)) || 'none'}`,
    `a node was taken for gone ${gone} times; ${strays.length} answers that nobody waited for`,
    `logged: ${logged(lines)}`,
  ];
}

/** How much of the time in which somebody was connected it was certain that the seat was theirs. */
function certainty(history: History): string {
  let [open, certain] = [0, 0];
  for (const { visits, stays } of seatsOf(history)) {
    for (const { welcome_at, sure_until } of visits)
      if (welcome_at !== null) open += Math.max(0, (sure_until ?? 0) - welcome_at);
    for (const { from, openUntil } of stays) certain += Math.max(0, openUntil - from);
  }
  return `seats were certain ${Math.round((100 * certain) / Math.max(1, open))} % of the time`;
}

function intruders({ visits }: History): string[] {
  const tries = visits.filter(({ user }) => user === 'carol');
  const inside = tries.filter(({ welcome_at }) => welcome_at !== null);
  return [
    `${tries.length} attempts of strangers to get into rooms of two, ${inside.length} found a free seat`,
  ];
}

/** The most frequent warnings and errors. */
function logged(lines: readonly LogLine[]): string {
  return counted(
    lines.filter(({ level }) => level >= LEVEL_WARN).map(({ msg }) => msg),
    12,
  );
}

function counted(names: readonly string[], most = Infinity): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, count]) => `${name} × ${count}`)
    .join(', ');
}
