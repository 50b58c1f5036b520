import type { Message } from 'amqplib';
import t from 'tap';
import { createPoison } from '../../../adapters/rabbitmq/home/poison.js';

const LIMIT = 8;

function message(id: string, deliveries: number): Message {
  const headers = { 'x-delivery-count': deliveries - 1 };
  return { content: Buffer.from(id), properties: { messageId: id, headers } } as unknown as Message;
}

void t.test('what comes back again and again is handled alone, and given up when it stands first', (t) => {
  const poison = createPoison(LIMIT, () => true);
  const verdicts = Array.from({ length: LIMIT + 1 }, (_, i) => poison.judge(message('a', i + 1), true));
  t.same(verdicts, ['handle', ...Array<string>(LIMIT - 1).fill('alone'), 'dead']);
  t.equal(poison.judge(message('b', 100), false), 'alone', 'not those that stood behind it');
  t.end();
});

void t.test('nothing is given up while the store is not ready', (t) => {
  let ready = false;
  const poison = createPoison(LIMIT, () => ready);
  t.equal(poison.judge(message('a', 100), true), 'alone');
  ready = true;
  t.equal(poison.judge(message('a', 100), true), 'dead');
  t.end();
});

void t.test('what this process has outlived is no killer, over any number of lost connections', (t) => {
  const poison = createPoison(LIMIT, () => true);
  poison.outlived([message('a', 1), message('b', 1)]);
  poison.outlived([message('b', 2)]);
  poison.outlived([]);
  t.equal(poison.judge(message('a', 100), true), 'handle', 'also if it was not held at the last one');
  t.equal(poison.judge(message('b', 100), true), 'handle');
  for (let i = 0; i < 1_000; i++) poison.outlived([message(`more ${i}`, 1)]);
  t.equal(poison.judge(message('a', 100), true), 'dead', 'and not all of them are remembered for ever');
  t.end();
});
