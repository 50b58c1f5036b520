import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isProgram, onPath } from './system.js';

/** The programs of an installed RabbitMQ. */
export interface InstalledServer {
  readonly server: string;
  readonly ctl: string;
  /** Erlang's name server, which a broker registers with. */
  readonly epmd: string;
}

/**
 * The installed RabbitMQ, or undefined.
 *
 * The `rabbitmq-server` on Debian's PATH is a wrapper that changes the user and drops the environment. The script
 * itself is recognised by `rabbitmq-env` beside it.
 */
export function findServer(): InstalledServer | undefined {
  const wrapper = onPath('rabbitmq-server');
  const folders = [
    ...(wrapper === undefined ? [] : [dirname(realpathSync(wrapper))]),
    ...versionsIn('/usr/lib/rabbitmq/lib'),
    ...versionsIn('/usr/local/lib/rabbitmq/lib'),
    '/opt/rabbitmq/sbin',
    '/opt/homebrew/opt/rabbitmq/sbin',
    '/usr/local/opt/rabbitmq/sbin',
  ];
  const folder = folders.find((each) =>
    ['rabbitmq-server', 'rabbitmqctl', 'rabbitmq-env'].every((name) => existsSync(join(each, name))),
  );
  const epmd = findEpmd();
  if (folder === undefined || epmd === undefined) return undefined;
  return { server: join(folder, 'rabbitmq-server'), ctl: join(folder, 'rabbitmqctl'), epmd };
}

function findEpmd(): string | undefined {
  const erl = onPath('erl');
  const beside = erl === undefined ? undefined : join(dirname(realpathSync(erl)), 'epmd');
  return onPath('epmd') ?? (beside !== undefined && isProgram(beside) ? beside : undefined);
}

function versionsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith('rabbitmq_server-'))
      .map((name) => join(folder, name, 'sbin'));
  } catch {
    return []; // RabbitMQ is not installed there.
  }
}
