import { connect } from 'amqplib';
import { startInDocker, dockerAnswers } from './rabbitmq-docker.js';
import { amqpAnswers, freshVhost, type PrivateRabbit } from './rabbitmq-private.js';
import { findServer } from './rabbitmq-find.js';
import { startInstalled, startInstalledCluster } from './rabbitmq-installed.js';
import { aptInstall, canUseApt } from './system.js';

export type { PrivateRabbit } from './rabbitmq-private.js';

/** A broker for a whole test run. */
export interface ProvidedRabbit {
  readonly url: string;
  /** Whose it is: the caller's own (AMQP_URL), or one that this process started and will end. */
  readonly kind: 'given' | 'private' | 'docker';
  /** A program that takes rabbitmqctl's arguments; undefined for a given broker, which is not ours to change. */
  readonly ctl: string | undefined;
  /** Ends the broker and removes what it stored. Does nothing to a given one. */
  stop(): Promise<void>;
}

/**
 * Provides a broker that answers: the one that AMQP_URL names, else a private one (see `startPrivateRabbit`).
 * Rejects with one line if AMQP_URL is set and nothing answers there: a run must not quietly test something else.
 */
export async function provideRabbit(): Promise<ProvidedRabbit> {
  const given = process.env.AMQP_URL;
  if (given === undefined || given === '') {
    const own = await startPrivateRabbit();
    return { url: own.url, kind: own.kind, ctl: own.ctlPath, stop: () => own.close() };
  }
  const answers = await Promise.all(given.split(',').map((url) => amqpAnswers(url.trim())));
  if (!answers.every((answer) => answer === true)) {
    throw new Error(`AMQP_URL is set, and the RabbitMQ that it names does not answer: ${answers.join(', ')}`);
  }
  return { url: given, kind: 'given', ctl: undefined, stop: () => Promise.resolve() };
}

/**
 * Starts a broker of one's own, on free ports of 127.0.0.1 with its data in a temporary folder; about 5 s.
 *
 * From the installed rabbitmq-server, else in Docker, else from Debian's package, installed now where this process
 * may do that. Whatever happens to this process, the broker ends with it. Rejects with one line that says what to
 * install if there is no way, and with the end of the broker's log if it does not start.
 */
export async function startPrivateRabbit(): Promise<PrivateRabbit> {
  const server = findServer();
  if (server !== undefined) return startInstalled(server);
  if (dockerAnswers()) return startInDocker();
  if (canUseApt()) aptInstall('rabbitmq-server');
  const installed = findServer();
  if (installed !== undefined) return startInstalled(installed);
  throw new Error(
    'No RabbitMQ: install rabbitmq-server or start Docker, or name a running one with AMQP_URL',
  );
}

/**
 * Starts so many brokers that are one cluster, each as `startPrivateRabbit`; about 10 s each. Only from an installed
 * RabbitMQ, or Debian's package: containers would need a network in which they find each other.
 */
export async function startRabbitCluster(count: number): Promise<PrivateRabbit[]> {
  if (findServer() === undefined && canUseApt()) aptInstall('rabbitmq-server');
  const server = findServer();
  if (server === undefined)
    throw new Error('No RabbitMQ: install rabbitmq-server (Docker is not enough here)');
  return startInstalledCluster(server, count);
}

/**
 * A broker for one test file: a fresh virtual host of the run's broker, so that files that declare the same queues
 * do not meet. On a given broker it is the one that AMQP_URL names, and the files run one at a time; it may be had by
 * whoever comes first, as a fresh one.
 * Rejects when the file was not started by `make test`.
 */
export async function ownVhost(): Promise<string> {
  const url = process.env.PARLOR_TEST_AMQP_URL;
  if (url === undefined)
    throw new Error('PARLOR_TEST_AMQP_URL is not set: run the file with make test ONLY=<name>');
  const ctlPath = process.env.PARLOR_TEST_RABBITMQCTL;
  if (ctlPath !== undefined) return freshVhost({ url, ctlPath });
  await disown(url);
  return url;
}

/** Makes a virtual host nobody's: the files before this one had stores of their own. */
async function disown(urls: string): Promise<void> {
  const connection = await connect(urls.split(',')[0]?.trim() ?? urls);
  const channel = await connection.createChannel();
  await channel.deleteQueue('parlor.cluster');
  await connection.close();
}
