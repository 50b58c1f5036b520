import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import t from 'tap';
import { makeCertificate } from '../support/certificate.js';
import { openClient, startParlor } from '../support/parlor.js';
import { ownDatabase } from '../support/postgres.js';
import { ownVhost } from '../support/rabbitmq.js';
import { until } from '../support/until.js';

const WORKERS = 2;

t.setTimeout(180_000);

t.test('workers change their certificates when the process that started them is sent SIGHUP', async (t) => {
  const tls = makeCertificate();
  t.teardown(() => tls.remove());
  const parlor = await startParlor({
    ...tls.env,
    ...{ WORKERS: String(WORKERS), BROKER: 'rabbitmq', AMQP_URL: await ownVhost() },
    ...{ STORE: 'postgres', DATABASE_URL: await ownDatabase() },
  });
  t.teardown(() => parlor.end());
  const client = openClient(`wss://127.0.0.1:${parlor.port}/ws/updates/42?user=alice`, { ca: tls.pem() });
  await client.next('welcome');
  tls.renew();
  process.kill(parlor.pid, 'SIGHUP');
  const changed = () =>
    parlor.logs.filter(({ msg }) => msg === 'TLS: new connections get the new certificate');
  await until(() => changed().length === WORKERS, {
    what: 'all workers to have changed it',
    timeoutMs: 30_000,
  });
  t.same(
    changed()
      .map((line) => line['worker'])
      .sort(),
    [1, 2],
  );
  // Enough connections to reach both of them.
  for (let n = 0; n < 20; n++) {
    const socket = connectTls({ port: parlor.port, host: '127.0.0.1', ca: tls.pem() });
    await once(socket, 'secureConnect');
    socket.destroy();
  }
  client.send({ type: 'ping' });
  t.ok(await client.next('pong'), 'who was connected still is');
});
