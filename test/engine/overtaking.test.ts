import t, { type Test } from 'tap';
import { newId } from '../../engine/ids.js';
import type { AppendResult, BrokerHandlers, Delivery, Session, Store } from '../../engine/ports.js';
import { turns } from '../support/clock.js';
import { startNode, type Node, type Teardown } from '../support/engine.js';
import { until } from '../support/until.js';

const SESSION: Session = { isCurrent: true, mayFollowAnother: false };

/** A call of the store that waits until a test lets it fail. */
interface Hanging {
  fail(): void;
}

/**
 * A broker that keeps what is given back, as RabbitMQ's adapter does: when nothing is under way any more, it hands out
 * again all that was given back, in its old order.
 */
class Keeping {
  handlers: BrokerHandlers | null = null;
  readonly given: string[] = [];
  private readonly again: { id: string; n: number; fresh: boolean }[] = [];
  private underWay = 0;
  private posts = 0;

  post(fresh: boolean): void {
    this.hand({ id: newId(), n: ++this.posts, fresh }, false);
  }

  private hand(post: { id: string; n: number; fresh: boolean }, redelivered: boolean): void {
    const { again, given } = this;
    this.underWay++;
    const decided = (): void => {
      if (--this.underWay > 0 || again.length === 0) return;
      for (const next of again.splice(0).sort((a, b) => a.n - b.n))
        this.hand({ ...next, fresh: false }, true);
    };
    const delivery: Delivery = {
      command: {
        type: 'post',
        room_id: '42',
        id: post.id,
        user: 'u',
        text: `p${post.n}`,
        ...(post.fresh ? { fresh: true } : {}),
      },
      session: SESSION,
      redelivered,
      get mustWait() {
        return again.some(({ n }) => n < post.n);
      },
      settle: () => decided(),
      retry() {
        given.push(`p${post.n}`);
        again.push(post);
        decided();
      },
    };
    this.handlers?.command(delivery);
  }
}

async function start(t: Teardown, failing: (inner: Store, hang: <T>() => Promise<T>) => Partial<Store>) {
  const broker = new Keeping();
  const hanging: Hanging[] = [];
  const hang = <T>(): Promise<T> =>
    new Promise<T>((_resolve, reject) => hanging.push({ fail: () => reject(new Error('down')) }));
  const node = await startNode(t, {
    store: (inner) => ({ ...inner, ...failing(inner, hang) }),
    broker: (inner) => ({ ...inner, start: (handlers) => inner.start((broker.handlers = handlers)) }),
  });
  return { node, broker, hanging };
}

async function assertInOrder(t: Test, node: Node): Promise<void> {
  let texts: string[] = [];
  await until(
    async () => {
      const events = await node.store.history({ room_id: '42', after: 0, limit: 9, messages_only: true });
      texts = events.map((event) => ('text' in event ? event.text : ''));
      return texts.length === 2;
    },
    { what: 'both to be stored' },
  );
  t.same(texts, ['p1', 'p2']);
}

t.test('a post never overtakes one that has to be tried again: its lookup failed', async (t) => {
  let first = true;
  const { node, broker, hanging } = await start(t, (inner, hang) => ({
    findEvents: (ids) => {
      const fails = first;
      first = false;
      return fails ? hang() : inner.findEvents(ids);
    },
  }));
  broker.post(false);
  await until(() => hanging.length === 1, { what: 'the lookup' });
  broker.post(false);
  await turns(5);
  hanging[0]?.fail();
  await assertInOrder(t, node);
  t.same(broker.given, ['p1', 'p2']);
});

t.test(
  'nor when its commit failed, or its room could not be loaded, just before the next one came',
  async (t) => {
    for (const call of ['append', 'load'] as const) {
      let first = true;
      const { node, broker, hanging } = await start(t, (inner, hang) => {
        const once = <T>(answer: () => Promise<T>): Promise<T> => {
          const fails = first;
          first = false;
          return fails ? hang<T>() : answer();
        };
        return call === 'append'
          ? { append: (appends) => once<AppendResult[]>(() => inner.append(appends)) }
          : { load: (id) => once(() => inner.load(id)) };
      });
      broker.post(true);
      await until(() => hanging.length === 1, { what: call });
      broker.post(true);
      hanging[0]?.fail();
      await assertInOrder(t, node);
      t.same(broker.given, ['p1', 'p2'], call);
    }
  },
);
