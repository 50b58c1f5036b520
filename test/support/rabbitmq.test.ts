import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectAmqp } from 'amqplib';
import t from 'tap';
import { accepts } from './ports.js';
import { ownVhost, startPrivateRabbit } from './rabbitmq.js';
import { until } from './until.js';

async function publish(url: string, queue: string, text: string): Promise<void> {
  const connection = await connectAmqp(url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true });
  channel.sendToQueue(queue, Buffer.from(text), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
}

async function waiting(url: string, queue: string): Promise<number> {
  const connection = await connectAmqp(url);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined); // Also what checkQueue rejects with.
    return (await channel.checkQueue(queue)).messageCount;
  } finally {
    await connection.close();
  }
}

t.test('a private broker keeps its URL and its data over a stop and over a kill', async (t) => {
  const rabbit = await startPrivateRabbit();
  t.teardown(() => rabbit.close());
  await publish(rabbit.url, 'kept', 'first');

  await rabbit.stopBroker();
  t.equal(await accepts(rabbit.port), false);
  await rabbit.startBroker();
  t.equal(await waiting(rabbit.url, 'kept'), 1);

  await publish(rabbit.url, 'kept', 'second');
  await rabbit.kill();
  t.equal(await accepts(rabbit.port), false);
  await rabbit.startBroker();
  t.equal(await waiting(rabbit.url, 'kept'), 2);

  t.match(await rabbit.ctl('list_queues', '--silent', 'name', 'messages'), /kept\s+2/);
  await t.rejects(rabbit.ctl('no_such_command'));
  await rabbit.close();
  // Killed is not yet gone: the system closes what a process held a moment later.
  await until(async () => !(await accepts(rabbit.port)), { what: 'its port to be closed' });
});

t.test('a private broker ends with the process that started it, even when that one is killed', async (t) => {
  const module = JSON.stringify(new URL('./rabbitmq.js', import.meta.url).href);
  const source = `const { startPrivateRabbit } = await import(${module});
    console.log((await startPrivateRabbit()).port);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => owner.kill('SIGKILL'));
  const [printed] = (await once(owner.stdout, 'data')) as [Buffer];
  const port = Number(printed.toString());
  t.equal(await accepts(port), true);
  owner.kill('SIGKILL');
  await until(async () => !(await accepts(port)), { what: 'the broker to be gone' });
});

t.test('two virtual hosts of one file do not meet', async (t) => {
  const [first, second] = [await ownVhost(), await ownVhost()];
  await publish(first, 'same-name', 'text');
  if (first === second) return; // A given broker: there is one, and it is shared.
  await t.rejects(waiting(second, 'same-name'), { message: /NOT_FOUND/ });
});
