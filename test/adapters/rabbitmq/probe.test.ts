import t from 'tap';
import { ABSENT_MS, createProbe } from '../../../adapters/rabbitmq/nodes/probe.js';
import type { Log } from '../../../engine/ports.js';
import { ManualClock } from '../../support/clock.js';
import { until } from '../../support/until.js';
import { Cable } from './cable.js';
import { cleanBroker, post, startNode } from './node.js';

function scene() {
  const clock = new ManualClock();
  const others = new Set(['bob', 'carol']);
  const absent = new Set<string>();
  const gone: string[] = [];
  let asked = 0;
  /** Answers are held back while this is set. */
  let late: (() => void)[] | null = null;
  const probe = createProbe({
    clock,
    others: () => others,
    ask(id, told) {
      asked++;
      const answer = !absent.has(id);
      if (late) late.push(() => told(answer));
      else told(answer);
    },
    gone(id) {
      gone.push(id);
      others.delete(id);
    },
  });
  return {
    clock,
    absent,
    gone,
    probe,
    asked: () => asked,
    hold: () => (late = []),
    release: () => {
      const held = late ?? [];
      late = null;
      for (const answer of held) answer();
    },
  };
}

void t.test('a node without a queue is gone after a while, and then nothing is asked any more', async (t) => {
  const { clock, absent, gone, probe, asked } = scene();
  probe.begin();
  absent.add('bob');
  await clock.pass(ABSENT_MS);
  t.same(gone, [], 'not before the time is over');
  await clock.pass(200);
  t.same(gone, ['bob']);
  const before = asked();
  await clock.pass(60_000);
  t.equal(asked(), before);
});

void t.test('a node that is back in time is not gone, and its next absence counts anew', async (t) => {
  const { clock, absent, gone, probe } = scene();
  absent.add('bob');
  probe.begin();
  await clock.pass(ABSENT_MS - 200);
  absent.clear();
  await clock.pass(100);
  absent.add('bob');
  probe.begin();
  await clock.pass(ABSENT_MS - 100);
  t.same(gone, []);
  await clock.pass(300);
  t.same(gone, ['bob']);
});

void t.test(
  'old answers that a paused process reads late say nothing of the time of its pause',
  async (t) => {
    const { clock, absent, gone, probe, hold, release } = scene();
    absent.add('bob');
    probe.begin();
    hold();
    await clock.pass(100);
    absent.clear();
    await clock.pass(2 * ABSENT_MS);
    release();
    t.same(gone, []);
  },
);

void t.test(
  'a home that was killed is known to be gone by its connection, before its lease is over',
  async (t) => {
    const url = await cleanBroker();
    const cable = await Cable.to(t, url);
    const killed = await startNode(cable.url, { settleMs: Infinity });
    const reasons: unknown[] = [];
    const log: Log = {
      info(fields, text) {
        if (text === 'rabbitmq: a node is gone') reasons.push(fields);
      },
      warn: (fields, text) => t.comment(text, fields),
      error: (fields, text) => t.comment(text, fields),
    };
    const next = await startNode(url, { log, settleMs: Infinity });
    t.teardown(async () => {
      await next.broker.close();
      await killed.broker.close();
    });
    await next.ask(post('42', 'before'));
    t.same(killed.texts(), ['before'], 'it was the home');
    await cable.end();
    t.same(await next.ask(post('42', 'after')), { type: 'done' });
    await until(() => reasons.length > 0, { what: 'the node to be gone' });
    t.same(next.gone, [killed.id]);
    t.same(reasons, [{ node: killed.id, reason: 'it is not connected' }]);
  },
);
