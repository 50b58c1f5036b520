import { dockerAnswers } from '../../test/support/rabbitmq-docker.js';
import { findServer } from '../../test/support/rabbitmq-find.js';
import { startPrivateRabbit } from '../../test/support/rabbitmq.js';
import { familySecondsOf } from './processes.js';

/** A RabbitMQ, for one measurement. */
export interface Broker {
  readonly url: string;
  /** CPU that it has used so far, seconds; null when its process is not to be seen from here (in a container). */
  cpuSeconds(): number | null;
  close(): Promise<void>;
}

/** Starts a private RabbitMQ, as the tests do; about 5 s. */
export async function startBroker(): Promise<Broker> {
  const rabbit = await startPrivateRabbit();
  try {
    const pid =
      rabbit.kind === 'docker' ? null : Number(/\d+/.exec(await rabbit.ctl('eval', 'os:getpid().'))?.[0]);
    return {
      url: rabbit.url,
      cpuSeconds: () => (pid === null ? null : familySecondsOf(pid)),
      close: () => rabbit.close(),
    };
  } catch (cause) {
    await rabbit.close();
    throw cause;
  }
}

/** Null when a RabbitMQ can be started without installing one, else one line that says what to do. */
export function missingBroker(): string | null {
  if (findServer() !== undefined || dockerAnswers()) return null;
  return 'there is no RabbitMQ: install rabbitmq-server or start Docker';
}
