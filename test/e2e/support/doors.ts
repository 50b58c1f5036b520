import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type ConfirmChannel } from 'amqplib';
import type { Test } from 'tap';
import { partitionOf, slotOf } from '../../../engine/slots.js';
import { runParlor, startParlor, type Env, type Parlor } from '../../support/parlor.js';
import { until } from '../../support/until.js';
import { exchange, frameBytes, openRaw } from './raw.js';

/** What came of an input at a door: it was taken, with what the door says of it, or the code of its refusal. */
export interface Outcome {
  readonly outcome: string;
  /** The message, the welcome or the answer, as it came. */
  readonly told: Readonly<Record<string, unknown>>;
}

export interface Doors {
  readonly parlor: Parlor;
  /** One request of these bytes; `path` stands in the request line as it is. */
  readonly http: (
    method: string,
    path: string,
    body?: Buffer | string,
    headers?: readonly string[],
  ) => Promise<Outcome>;
  /** Opens a WebSocket: `path` stands in the request line as it is. */
  readonly opening: (path: string) => Promise<Outcome>;
  /** One frame of a member of this room. */
  readonly frame: (room: string, text: string, user?: string) => Promise<Outcome>;
  /** One command; null where there is no RabbitMQ. */
  readonly amqp: ((room: string, body: Buffer | string) => Promise<Outcome>) | null;
}

const JSON_TYPE = 'Content-Type: application/json';
const PARTITIONS = 16;

/** A Parlor with these settings, and every door into it. Ends with the test. */
export async function openDoors(t: Test, env: Env): Promise<Doors> {
  const parlor = await startParlor({ ...env, PARTITIONS: String(PARTITIONS) });
  t.teardown(() => parlor.end());
  const url = env['AMQP_URL'];
  return {
    parlor,
    http: (method, path, body, headers = body === undefined ? [] : [JSON_TYPE]) =>
      overHttp(parlor.port, method, path, body, headers),
    opening: (path) => overUpgrade(parlor.port, path),
    frame: (room, text, user = 'frank') => overFrame(parlor.port, room, text, user),
    amqp: url === undefined ? null : await amqpDoor(t, url),
  };
}

async function overHttp(
  port: number,
  method: string,
  path: string,
  body: Buffer | string | undefined,
  headers: readonly string[],
): Promise<Outcome> {
  const bytes = Buffer.from(body ?? '');
  const length = body === undefined ? [] : [`Content-Length: ${bytes.length}`];
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: parlor', ...length, ...headers];
  const answer = await exchange(port, Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]));
  if (answer === null) return { outcome: 'nothing', told: {} };
  const told = (answer.body === '' ? {} : JSON.parse(answer.body)) as Outcome['told'];
  return { outcome: answer.status < 300 ? 'taken' : String(told['code']), told };
}

async function overUpgrade(port: number, path: string): Promise<Outcome> {
  const raw = await openRaw(port, path);
  const first = () =>
    raw
      .frames()
      .find(({ opcode }) => opcode === 1)
      ?.payload.toString();
  await until(() => first() !== undefined, { what: `the first frame of ${path}` });
  const told = JSON.parse(first() ?? '{}') as Outcome['told'];
  raw.socket.destroy();
  return { outcome: told['type'] === 'welcome' ? 'taken' : String(told['code']), told };
}

async function overFrame(port: number, room: string, text: string, user: string): Promise<Outcome> {
  const raw = await openRaw(port, `/ws/updates/${room}?user=${encodeURIComponent(user)}`);
  await raw.told('welcome');
  raw.write(frameBytes(text));
  const answers = () =>
    raw
      .frames()
      .filter(({ opcode }) => opcode === 1)
      .map(({ payload }) => JSON.parse(payload.toString()) as Outcome['told']);
  const answer = () => answers().find(({ type }) => type === 'ack' || type === 'error');
  await until(() => answer() !== undefined, { what: `an answer to ${text}` });
  const told = answer() ?? {};
  raw.socket.destroy();
  return { outcome: told['type'] === 'ack' ? 'taken' : String(told['code']), told };
}

async function amqpDoor(t: Test, url: string): Promise<NonNullable<Doors['amqp']>> {
  const connection = await connect(url);
  t.teardown(() => connection.close());
  const channel: ConfirmChannel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const answers = new Map<string, string>();
  await channel.consume(
    queue,
    (reply) => {
      if (reply) answers.set(String(reply.properties.correlationId), reply.content.toString());
    },
    { noAck: true },
  );
  return async (room, body) => {
    const correlationId = randomUUID();
    const partition = String(partitionOf(slotOf(room), PARTITIONS));
    const properties = { persistent: true, replyTo: queue, correlationId };
    channel.publish('parlor.commands', partition, Buffer.from(body), properties);
    await until(() => answers.has(correlationId), { what: 'the answer over RabbitMQ' });
    const told = JSON.parse(answers.get(correlationId) ?? '{}') as Outcome['told'];
    return { outcome: told['type'] === 'refused' ? String(told['code']) : 'taken', told };
  };
}

/** What `parlor import` says of a file with these bytes: `taken`, or its one line of refusal. */
export async function imported(t: Test, bytes: Buffer | string): Promise<string> {
  const folder = t.testdir();
  const name = randomUUID();
  const file = join(folder, `${name}.ndjson`);
  writeFileSync(file, bytes);
  const env = { STORE: 'sqlite', SQLITE_PATH: join(folder, `${name}.db`) };
  const { code, stderr } = await runParlor(env, 'import', file);
  return code === 0 ? 'taken' : stderr;
}
