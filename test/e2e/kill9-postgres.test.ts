import t from 'tap';
import { survivesKills } from './support/kill-suite.js';

t.test(
  'PostgreSQL: what was answered under load survives kill -9, again and again',
  { timeout: 290_000 },
  (t) => survivesKills(t, { broker: 'in-process', store: 'postgres', file: 'kill9-postgres' }),
);
