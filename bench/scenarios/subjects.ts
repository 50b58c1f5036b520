import { startBare } from '../amqp/bare.js';
import { missing, startTarget, type Target, type TargetName } from '../targets/target.js';

/** Everything that can be compared. */
export type SubjectName = TargetName | 'amqp-bare';
export const SUBJECTS: readonly SubjectName[] = [
  'parlor',
  'parlor-sqlite',
  'parlor-before',
  'parlor-rabbitmq',
  'uws-gathered',
  'uws-raw',
  'uws-relay',
  'ws',
  'socket.io',
  'centrifugo',
  'fastify-node',
  'amqp-bare',
];

/** A server under measurement. */
export type Subject = Omit<Target, 'name'> & { readonly name: SubjectName };

/** Null when it can be started here, else one line that says why not. */
export function missingSubject(name: SubjectName): Promise<string | null> {
  return missing(name === 'amqp-bare' ? 'parlor-rabbitmq' : name);
}

export function startSubject(
  name: SubjectName,
  settings: Readonly<Record<string, string>> = {},
): Promise<Subject> {
  return name === 'amqp-bare' ? startBare() : startTarget(name, settings);
}
