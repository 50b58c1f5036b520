import t, { type Test } from 'tap';
import type { Answer } from '../../../engine/messages/answers.js';
import type { Delivery } from '../../../engine/ports.js';
import { until } from '../../support/until.js';
import { cleanBroker, done, foreign, keyOf, post, startNode, type Foreign, type TestNode } from './node.js';

t.setTimeout(110_000);

/** A room and others of its partition. */
const BAD = 'bad';
const ROOMS = Array.from({ length: 400 }, (_, i) => `room-${i}`);
const OTHERS = ROOMS.filter((room) => keyOf(room) === keyOf(BAD));

async function begin(
  t: Test,
  act: (delivery: Delivery) => void,
  prefetch = 32,
): Promise<{ node: TestNode; service: Foreign }> {
  const url = await cleanBroker();
  const node = await startNode(url, { replyTimeoutMs: 30_000, prefetch }, act);
  const service = await foreign(url);
  t.teardown(async () => {
    await service.close();
    await node.broker.close();
  });
  return { node, service };
}

const isBad = ({ command }: Delivery): boolean => command.room_id === BAD;
const tries = (node: TestNode, text: string): number =>
  node.texts(BAD).filter((tried) => tried === text).length;

/** Posts to other rooms without a pause, 500 a second, until it is stopped; tells how many are answered, and the longest wait. */
function others(
  node: TestNode,
  rooms = OTHERS,
): { readonly answered: () => number; readonly slowest: () => number; stop(): void } {
  let [sent, answered, slowest] = [0, 0, 0];
  const timer = setInterval(() => {
    for (let i = 0; i < 10; i++) {
      const begun = performance.now();
      void node.ask(post(rooms[sent++ % rooms.length] ?? '', 'x')).then(() => {
        answered++;
        slowest = Math.max(slowest, performance.now() - begun);
      });
    }
  }, 20);
  return { answered: () => answered, slowest: () => slowest, stop: () => clearInterval(timer) };
}

void t.test(
  'one room that does not get on holds up no other, and is given up after five tries',
  async (t) => {
    const { node, service } = await begin(t, (delivery) => {
      if (isBad(delivery)) delivery.retry('its row is locked');
      else setTimeout(() => done(delivery), 2);
    });
    const load = others(node);
    t.teardown(() => load.stop());
    await until(() => load.answered() > 200, { what: 'the load' });
    const begun = performance.now();
    const before = load.answered();
    const command = post(BAD, 'first');
    const answers: Answer[] = [];
    const order: string[] = [];
    for (const one of [command, post(BAD, 'second')]) {
      void node.ask(one).then((answer) => {
        order.push(one.text);
        answers.push(answer);
      });
    }
    await until(() => answers.length === 1, { what: 'the first to be given up', timeoutMs: 20_000 });
    const seconds = (performance.now() - begun) / 1000;
    t.match(answers[0], {
      type: 'refused',
      code: 'unavailable',
      reached: 'no',
      message: /its row is locked/,
    });
    t.notOk(tries(node, 'first') < 5, 'five tries that count');
    const dead = await service.dead();
    t.match(dead, { reason: 'unavailable', detail: /its row is locked/ });
    t.same(JSON.parse(dead.body), command);
    const rate = (load.answered() - before) / seconds;
    t.ok(rate > 300, `${Math.round(rate)} a second for the others`);
    t.ok(load.slowest() < 1_000, `${Math.round(load.slowest())} ms was the longest wait`);
    await until(() => answers.length === 2, { what: 'the second, which is tried then', timeoutMs: 20_000 });
    t.same(order, ['first', 'second']);
    t.same(
      node.texts(BAD).filter((text, i, all) => text !== all[i - 1]),
      ['first', 'second'],
      'never before the first was given up',
    );
  },
);

void t.test(
  'what waits for a room comes in its order, and what succeeds meanwhile is not delayed',
  async (t) => {
    let down = true;
    const finished: string[] = [];
    const act = (delivery: Delivery): void => {
      if (isBad(delivery) && down) return void setImmediate(() => delivery.retry('not now', true));
      if (isBad(delivery) && delivery.command.type === 'post') finished.push(delivery.command.text);
      done(delivery);
    };
    const { node } = await begin(t, act, 256);
    const texts = Array.from({ length: 60 }, (_, i) => `${i}`);
    const answers: Promise<Answer>[] = [];
    for (const text of texts) {
      answers.push(node.ask(post(BAD, text)));
      if (Number(text) % 3 === 0) t.match(await node.ask(post(OTHERS[0] ?? '', 'x')), { type: 'done' });
    }
    await until(() => tries(node, '0') >= 3, { what: 'three tries' });
    down = false;
    t.same(new Set((await Promise.all(answers)).map(({ type }) => type)), new Set(['done']));
    t.same(finished, texts);
  },
);

void t.test('what passes by itself is never given up, however often others succeed', async (t) => {
  let passes = 0;
  const { node, service } = await begin(t, (delivery) => {
    if (isBad(delivery) && passes < 8) {
      passes++;
      delivery.retry('the room rests', true);
    } else done(delivery);
  });
  const load = others(node);
  t.teardown(() => load.stop());
  t.same(await node.ask(post(BAD, 'x')), { type: 'done' });
  t.equal(passes, 8);
  t.equal(await service.deadCount(), 0);
});

void t.test('a store that is down for long costs nothing, whatever else still succeeds', async (t) => {
  let down = true;
  const { node, service } = await begin(t, (delivery) => {
    if (down && delivery.command.type === 'post') setImmediate(() => delivery.retry('the store is down'));
    else done(delivery);
  });
  // More than may wait: the queue keeps the rest.
  for (let i = 0; i < 100; i++) await service.send(keyOf(BAD), post(i % 2 ? BAD : (OTHERS[i] ?? ''), `${i}`));
  await until(() => tries(node, '1') >= 7, { what: 'seven tries', timeoutMs: 30_000 });
  down = false;
  await until(() => new Set(node.texts()).size === 100, { what: 'all of them', timeoutMs: 30_000 });
  const order = node.texts(BAD).map(Number);
  const last = order.filter((n, i) => order.indexOf(n) === i);
  t.same(
    last,
    [...last].sort((a, b) => a - b),
  );
  t.equal(await service.deadCount(), 0);
});

void t.test('a store that comes and goes costs nothing, even if one room fails each time', async (t) => {
  let comings = 0;
  const finished: string[] = [];
  const { node, service } = await begin(t, (delivery) => {
    const { command } = delivery;
    if (!isBad(delivery) || command.type !== 'post') return done(delivery);
    if (command.text === '0' && comings < 4) {
      comings++;
      return void setImmediate(() => delivery.retry('not committed'));
    }
    finished.push(command.text);
    done(delivery);
  });
  const load = others(node, ROOMS);
  t.teardown(() => load.stop());
  await until(() => load.answered() > 100, { what: 'the load' });
  for (let i = 0; i < 30; i++)
    service.channel.publish('parlor.commands', keyOf(BAD), Buffer.from(JSON.stringify(post(BAD, `${i}`))));
  await until(async () => new Set(finished).size + (await service.deadCount()) >= 30, {
    what: 'all of them',
    timeoutMs: 30_000,
  });
  t.equal(await service.deadCount(), 0, 'none is given up');
  t.equal(comings, 4);
});

void t.test('a bad room that is sent more than there are places does not keep them', async (t) => {
  const { node, service } = await begin(t, (delivery) => {
    if (isBad(delivery)) delivery.retry('its row is locked');
    else done(delivery);
  });
  const load = others(node, ROOMS);
  t.teardown(() => load.stop());
  await until(() => load.answered() > 100, { what: 'the load' });
  // Twice as many messages as there are places, with nothing between them.
  const bodies = Array.from({ length: 64 }, (_, i) => post(BAD, `${i}`));
  for (const body of bodies)
    service.channel.publish('parlor.commands', keyOf(BAD), Buffer.from(JSON.stringify(body)));
  await service.channel.waitForConfirms();
  await until(async () => (await service.deadCount()) >= 32, { what: 'half of them to be given up' });
  const inPartition = (): number =>
    node.deliveries.filter(({ command }) => OTHERS.includes(command.room_id)).length;
  const before = inPartition();
  await until(() => inPartition() > before + 200, { what: 'the others of its partition to go on' });
  t.equal(node.texts(BAD)[0], '0', 'the first is tried all the same');
});
