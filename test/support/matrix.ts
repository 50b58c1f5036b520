import type { Env } from './parlor.js';
import { ownVhost } from './rabbitmq.js';

/** A broker that a suite is run with. */
export interface BrokerUnderTest {
  readonly name: string;
  /** The settings that choose it; asked for once a file, each answer is a broker that nobody else uses. */
  env(): Promise<Env>;
}

/** Every broker: what is promised “on both brokers” is a suite over this. */
export const BROKERS: readonly BrokerUnderTest[] = [
  { name: 'in-process', env: () => Promise.resolve({}) },
  { name: 'rabbitmq', env: async () => ({ BROKER: 'rabbitmq', AMQP_URL: await ownVhost() }) },
];
