import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from './guard.js';
import { accepts, freePorts } from './ports.js';
import type { InstalledServer } from './rabbitmq-find.js';
import { amqpAnswers, ctl, type PrivateRabbit } from './rabbitmq-private.js';
import { until } from './until.js';

const START_MS = 60_000;
const STOP_MS = 30_000;

/** Where Erlang keeps what a cluster's nodes have in common, in HOME. */
const COOKIE = '.erlang.cookie';

/**
 * Kills the process groups that have a file in $1/groups, and removes $1; what dies may still write for a moment.
 * (dash, Debian's /bin/sh, takes no `--` before the negative number.)
 */
const CLEANUP = `
  for group in $(ls "$1/groups"); do kill -9 "-$group"; done
  for try in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" && break; sleep 0.1; done`;

/** Starts a broker from the installed RabbitMQ; see `startPrivateRabbit`. */
export function startInstalled(installed: InstalledServer): Promise<PrivateRabbit> {
  return start(installed, null);
}

/** Starts so many brokers that are one cluster; see `startRabbitCluster`. */
export async function startInstalledCluster(
  installed: InstalledServer,
  count: number,
): Promise<PrivateRabbit[]> {
  const first = await start(installed, null);
  const all = [first];
  try {
    while (all.length < count) {
      const next = await start(installed, first);
      all.push(next);
      for (const step of [['stop_app'], ['reset'], ['join_cluster', first.name], ['start_app']])
        await next.ctl('-q', ...step);
    }
    return all;
  } catch (cause) {
    await Promise.all(all.map((one) => one.close()));
    throw cause;
  }
}

/** `peer`: a broker whose name server and cookie this one has, too. */
async function start(installed: InstalledServer, peer: InstalledRabbit | null): Promise<InstalledRabbit> {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'parlor-rabbitmq-')));
  fs.mkdirSync(join(folder, 'groups'));
  const guarded = guard(CLEANUP, folder);
  try {
    const rabbit = new InstalledRabbit(installed, folder, await freePorts(3), peer, () => guarded.release());
    await rabbit.startBroker();
    return rabbit;
  } catch (error) {
    await guarded.release();
    throw error;
  }
}

class InstalledRabbit implements PrivateRabbit {
  readonly kind = 'private';
  readonly url: string;
  readonly port: number;
  readonly ctlPath: string;
  readonly close: () => Promise<void>;
  /** What Erlang calls it. */
  readonly name: string;
  private readonly env: Record<string, string>;
  private readonly epmdPort: number;
  private broker: ChildProcess | undefined;

  constructor(
    private readonly installed: InstalledServer,
    private readonly folder: string,
    ports: number[],
    peer: InstalledRabbit | null,
    close: () => Promise<void>,
  ) {
    const [port, distPort, freePort] = ports as [number, number, number];
    const epmdPort = peer?.epmdPort ?? freePort;
    this.port = port;
    this.epmdPort = epmdPort;
    this.name = nodeName(port);
    this.url = `amqp://guest:guest@127.0.0.1:${port}`;
    this.close = close;
    this.env = settings(folder, port, distPort, epmdPort);
    // No plugin is enabled, and a small write-ahead log: the default of 512 MB is for a production machine.
    fs.writeFileSync(join(folder, 'enabled_plugins'), '[].\n');
    fs.writeFileSync(join(folder, 'rabbitmq.conf'), 'raft.wal_max_size_bytes = 33554432\n');
    this.ctlPath = join(folder, 'rabbitmqctl');
    const exports = Object.entries(this.env).map(([name, value]) => `export ${name}=${quoted(value)}`);
    fs.writeFileSync(
      this.ctlPath,
      ['#!/bin/sh', ...exports, `exec ${quoted(installed.ctl)} "$@"`, ''].join('\n'),
      {
        mode: 0o755,
      },
    );
    if (peer === null) this.spawn('epmd', installed.epmd, ['-port', String(epmdPort)]);
    else fs.copyFileSync(join(peer.folder, COOKIE), join(folder, COOKIE));
  }

  ctl(...args: string[]): Promise<string> {
    return ctl(this.ctlPath, args);
  }

  async startBroker(): Promise<void> {
    if (this.broker !== undefined) throw new Error('the broker is running');
    // A name server of its own, started here: the one that Erlang would start by itself outlives the broker.
    await until(() => accepts(this.epmdPort), { timeoutMs: START_MS, what: 'epmd to listen' });
    const broker = this.spawn('broker', this.installed.server, []);
    let answer: true | string = 'not asked yet';
    const answers = async (): Promise<boolean> => {
      if (broker.exitCode !== null || broker.signalCode !== null) {
        throw new Error(`RabbitMQ ended while it started:\n${this.lastLines('broker.out')}`);
      }
      answer = await amqpAnswers(this.url);
      return answer === true;
    };
    try {
      await until(answers, { timeoutMs: START_MS, intervalMs: 100, what: 'RabbitMQ to answer' });
    } catch (error) {
      throw new Error(`RabbitMQ did not start (${answer})\n${this.lastLines('broker.out')}`, {
        cause: error,
      });
    }
    this.broker = broker;
  }

  async stopBroker(): Promise<void> {
    const broker = this.running();
    broker.kill('SIGTERM'); // The script passes it on, and ends when the broker has.
    await until(() => hasEnded(broker), { timeoutMs: STOP_MS, what: 'RabbitMQ to stop' });
    this.forget(broker);
  }

  async kill(): Promise<void> {
    const broker = this.running();
    process.kill(-groupOf(broker), 'SIGKILL');
    await until(async () => hasEnded(broker) && !(await accepts(this.port)), { what: 'RabbitMQ to be dead' });
    this.forget(broker);
  }

  private running(): ChildProcess {
    if (this.broker === undefined) throw new Error('the broker is not running');
    return this.broker;
  }

  private forget(broker: ChildProcess): void {
    // The system may give its number to another process: the guard must not kill that one.
    fs.rmSync(join(this.folder, 'groups', String(groupOf(broker))));
    this.broker = undefined;
  }

  /** Starts a program as a process group of its own, known to the guard, with its output in `<name>.out`. */
  private spawn(name: string, program: string, args: string[]): ChildProcess {
    const output = fs.openSync(join(this.folder, `${name}.out`), 'a');
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { ...withoutErlang(process.env), ...this.env },
      stdio: ['ignore', output, output],
      detached: true,
    });
    fs.closeSync(output);
    child.once('error', (error) => fs.writeFileSync(join(this.folder, `${name}.out`), `${error.message}\n`));
    if (child.pid === undefined) throw new Error(`could not start ${program}`);
    fs.writeFileSync(join(this.folder, 'groups', String(child.pid)), '');
    child.unref();
    return child;
  }

  private lastLines(file: string): string {
    return fs.readFileSync(join(this.folder, file), 'utf8').split('\n').slice(-30).join('\n');
  }
}

/** Everything that RabbitMQ would otherwise look up or write outside of `folder`. */
function settings(folder: string, port: number, distPort: number, epmdPort: number): Record<string, string> {
  return {
    HOME: folder, // Erlang's cookie
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // Ours is running. One that Erlang starts by itself outlives everything.
    ERL_AFLAGS: '-start_epmd false',
    RABBITMQ_NODENAME: nodeName(port),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'broker.pid'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'), // Not there: only the one in /etc must not be read.
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
  };
}

function nodeName(port: number): string {
  return `parlor-${port}@localhost`;
}

function withoutErlang(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(RABBITMQ|ERL|ERLANG)_/.test(name)));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function groupOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the process was never started');
  return child.pid;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
