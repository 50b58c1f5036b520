import { connect } from 'amqplib';
import { socketOf } from '../../../adapters/rabbitmq/connection/connections.js';

/** A table that holds a table, and so on: more levels than amqplib can write. */
export function tableOfTables(levels: number): Buffer {
  const entry = 7;
  const table = Buffer.alloc(levels * entry);
  for (let level = 0; level < levels; level++) {
    // The name `a` behind its length, the type, and the length of what follows.
    table.write('\u0001aF', level * entry, 'latin1');
    table.writeUInt32BE((levels - level - 1) * entry, level * entry + 3);
  }
  return table;
}

/** Publishes to `parlor.commands` with this table of headers, frame by frame (AMQP 0-9-1, sections 4.2.3 and 4.2.6). */
export async function publishRaw(url: string, key: string, table: Buffer, body: Buffer): Promise<void> {
  const model = await connect(url);
  // The first channel of a connection has the number 1.
  await model.createChannel();
  const frame = (type: number, payload: Buffer): Buffer => {
    const head = Buffer.alloc(7);
    head.writeUInt8(type, 0);
    head.writeUInt16BE(1, 1);
    head.writeUInt32BE(payload.length, 3);
    return Buffer.concat([head, payload, Buffer.from([0xce])]);
  };
  const short = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const publish = Buffer.concat([
    Buffer.from([0, 60, 0, 40, 0, 0]),
    short('parlor.commands'),
    short(key),
    Buffer.from([0]),
  ]);
  const properties = Buffer.alloc(14);
  properties.writeUInt16BE(60, 0);
  properties.writeBigUInt64BE(BigInt(body.length), 4);
  // A content type and headers.
  properties.writeUInt16BE(0xa000, 12);
  const type = short('application/json');
  const header = Buffer.concat([properties, type, lengthOf(table), table]);
  socketOf(model).write(Buffer.concat([frame(1, publish), frame(2, header), frame(3, body)]));
  // It is answered in its turn.
  await (await model.createChannel()).close();
  await model.close();
}

function lengthOf(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return length;
}
