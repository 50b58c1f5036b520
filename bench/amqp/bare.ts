import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startBroker } from '../targets/broker.js';
import { versionOf } from '../targets/peers.js';
import { startProcess } from '../targets/process.js';
import type { Target } from '../targets/target.js';

/** It is asked over its broker: there is no port to connect to. */
export type BareTarget = Omit<Target, 'name'> & { readonly name: 'amqp-bare' };

/** Starts the bare program on a private RabbitMQ, which ends with it. */
export async function startBare(): Promise<BareTarget> {
  const broker = await startBroker();
  const server = startProcess({
    program: process.execPath,
    args: [fileURLToPath(new URL('./bare-main.js', import.meta.url)), broker.url],
    env: { NODE_ENV: 'production' },
    channel: true,
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    await broker.close();
  };
  const ended = once(server.child, 'exit').then(() => {
    throw new Error('the bare program ended before it was ready');
  });
  try {
    await Promise.race([once(server.child, 'message'), ended]);
  } catch (cause) {
    await stop();
    throw cause;
  }
  // From now on the poster notices: nobody answers.
  ended.catch(() => undefined);
  return {
    ...server,
    ...{ name: 'amqp-bare', dialect: 'plain', greets: false, port: 0 },
    version: `amqplib ${versionOf('amqplib')}`,
    settings:
      'consumes the same quorum queues (prefetch 256), publishes the event with a confirm, follows all events, answers, acknowledges; one message for one post',
    brokerCpuSeconds: () => broker.cpuSeconds(),
    brokerUrl: broker.url,
    heapBytes: async () => null,
    stop,
  };
}
