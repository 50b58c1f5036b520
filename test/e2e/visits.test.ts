import t from 'tap';
import { VisitBook, type VisitLog } from './support/visits.js';

const WELCOME = { type: 'welcome', members: ['alice'], member_count: 1 };

function welcomed(): VisitLog {
  const log = new VisitBook().begin('room', 'alice', 'one');
  log.read(WELCOME);
  return log;
}

t.test('a connection is known to be open until its client begins to end it', async (t) => {
  const log = welcomed();
  t.equal(log.visit.sure_until, log.visit.asked_at, 'its welcome says that it was let in, and no more');
  log.end();
  const { sure_until, welcome_at } = log.visit;
  t.ok((sure_until ?? 0) >= (welcome_at ?? Infinity));
  log.wasOpen(performance.now() + 1);
  t.equal(log.visit.sure_until, sure_until);
});

t.test('one that its server has ended is not taken for open because its client ends it later', async (t) => {
  const log = welcomed();
  log.closed();
  log.end();
  t.equal(log.visit.sure_until, log.visit.asked_at);
});
