import { missing, startTarget, type Target, type TargetName } from '../targets/target.js';

/** Everything that can be compared. */
export const SUBJECTS = [
  'parlor',
  'parlor-rabbitmq',
  'uws-gathered',
  'uws-raw',
  'ws',
  'socket.io',
  'centrifugo',
] as const satisfies readonly TargetName[];
export type SubjectName = (typeof SUBJECTS)[number];

/** Null when it can be started here, else one line that says why not. */
export function missingSubject(name: SubjectName): Promise<string | null> {
  return missing(name);
}

export function startSubject(
  name: SubjectName,
  settings: Readonly<Record<string, string>> = {},
): Promise<Target> {
  return startTarget(name, settings);
}
