import t from 'tap';
import { survivesKills } from './support/kill-suite.js';

t.test(
  'RabbitMQ and PostgreSQL: what was answered under load survives kill -9, again and again',
  { timeout: 290_000 },
  (t) => survivesKills(t, { broker: 'rabbitmq', store: 'postgres', file: 'kill9-rabbit' }),
);
