import type { Socket } from 'node:net';
import { connect, type ChannelModel, type Options, type SocketOptions } from 'amqplib';
import { errorText } from '../../../engine/errors.js';
import type { Clock, Log } from '../../../engine/ports.js';

/**
 * A node's two connections. In a memory or disk alarm RabbitMQ stops reading from connections that publish, and so from
 * acknowledgements on them (rabbitmq.com/docs/alarms, rabbitmq.com/docs/connections): with one connection a node could
 * not empty the queue that raised the alarm.
 */
export interface Connections {
  /** Commands, events, answers, dead letters and words go out here. */
  readonly publishing: ChannelModel;
  /** Nothing is ever published here: declarations, consumers and acknowledgements only. */
  readonly consuming: ChannelModel;
}

const CONNECT_MS = 10_000;
/** How long a connection that is given up may take to say goodbye, ms; over a silent one no answer comes. */
const LEAVE_MS = 500;

/** `does` and the node are the connection's name in RabbitMQ: `rabbitmqctl list_connections name client_properties`. */
export function socketOptions(does: 'publish' | 'consume', nodeId: string): SocketOptions {
  return {
    noDelay: true,
    keepAlive: true,
    timeout: CONNECT_MS,
    clientProperties: { connection_name: `parlor ${does} ${nodeId}` },
  };
}

export function connectToPublish(target: Options.Connect, nodeId: string): Promise<ChannelModel> {
  return connect(target, socketOptions('publish', nodeId));
}

/** amqplib has it, and does not type it. */
export function socketOf(model: ChannelModel): Socket {
  return (model.connection as ChannelModel['connection'] & { readonly stream: Socket }).stream;
}

/**
 * Says goodbye, so that the broker hands on at once what was held here, if it hears it. Resolves when the socket is gone,
 * at the latest after LEAVE_MS. Never rejects.
 */
export async function leave(model: ChannelModel, why: string, clock: Clock, log: Log): Promise<void> {
  const socket = socketOf(model);
  const gone = socket.closed ? Promise.resolve() : new Promise((closed) => socket.once('close', closed));
  const cancel = clock.after(LEAVE_MS, () => socket.destroy(new Error(why)));
  // Not waited for: amqplib never settles it when the broker does not answer.
  model
    .close()
    .catch((cause: unknown) => log.info({ cause: errorText(cause) }, 'rabbitmq: it was closed already'));
  await gone;
  cancel();
}
