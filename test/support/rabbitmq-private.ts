import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connect } from 'amqplib';

const run = promisify(execFile);

/** A broker that one test may stop, kill and start again. Its URL stays the same over all of that. */
export interface PrivateRabbit {
  readonly kind: 'private' | 'docker';
  /** As amqplib takes it: `amqp://guest:guest@127.0.0.1:<port>`, the virtual host `/`. */
  readonly url: string;
  readonly port: number;
  /** The path of a program that takes rabbitmqctl's arguments for this broker. */
  readonly ctlPath: string;
  /** Runs rabbitmqctl (about 0.3 s) and resolves with what it printed; rejects with its error. */
  ctl(...args: string[]): Promise<string>;
  /** Stops the broker as an operator would: it says goodbye to its clients and closes its files. About 3 s. */
  stopBroker(): Promise<void>;
  /** Starts it again with the data it had, after `stopBroker` or `kill`. Resolves when AMQP answers. */
  startBroker(): Promise<void>;
  /** SIGKILL: no goodbye and no flush. Resolves when its port is closed. */
  kill(): Promise<void>;
  /** Ends everything that belongs to it, at once, and removes its folder. */
  close(): Promise<void>;
}

/**
 * Asks a broker for a connection and a channel, within 2 s. Answers true, or, as a text without the password, why not.
 */
export async function amqpAnswers(url: string): Promise<true | string> {
  try {
    const connection = await connect(url, { timeout: 2000 });
    connection.on('error', () => undefined); // It is closed at once; whatever ends it earlier is not news.
    await connection.createChannel();
    await connection.close();
    return true;
  } catch (error) {
    const where = URL.canParse(url) ? new URL(url).host : 'not a URL';
    return `${where}: ${error instanceof Error ? error.message || error.name : String(error)}`;
  }
}

/** `ctl` of a broker whose rabbitmqctl is at `path`. Rejects with what rabbitmqctl printed. */
export async function ctl(path: string, args: string[]): Promise<string> {
  const { stdout } = await run(path, args);
  return stdout;
}

/**
 * The URL of a fresh and empty virtual host of a broker, so that tests that use the same names of queues and exchanges
 * do not meet. `ctlPath` and `url` are the broker's; its name begins with `prefix`.
 */
export async function freshVhost(broker: { ctlPath: string; url: string }, prefix = 'test'): Promise<string> {
  const name = `${prefix}-${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
  await ctl(broker.ctlPath, ['add_vhost', name]);
  await ctl(broker.ctlPath, ['set_permissions', '-p', name, 'guest', '.*', '.*', '.*']);
  return `${broker.url}/${name}`;
}
