import type { Socket } from 'node:net';
import { connect, type ChannelModel, type Options, type SocketOptions } from 'amqplib';
import { errorText } from '../../../engine/errors.js';
import type { Clock, Log } from '../../../engine/ports.js';

/**
 * A node's two connections. In a memory or disk alarm RabbitMQ reads nothing from connections that publish, so it would
 * not receive acknowledgements on them either (rabbitmq.com/docs/alarms, rabbitmq.com/docs/connections): with a single
 * connection, a node could not empty the queue that caused the alarm.
 */
export interface Connections {
  /** For commands, events, answers, dead letters and words. */
  readonly publishing: ChannelModel;
  /** For declarations, consumers and acknowledgements only: nothing is ever published here. */
  readonly consuming: ChannelModel;
}

const CONNECT_MS = 10_000;
/** How long the handshake of closing a connection may take, ms: over a dead connection there is no answer. */
const LEAVE_MS = 500;

/** The connection's name in RabbitMQ has `does` and the node's id: `rabbitmqctl list_connections name client_properties`. */
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

/** The socket, which amqplib's types do not have. */
export function socketOf(model: ChannelModel): Socket {
  return (model.connection as ChannelModel['connection'] & { readonly stream: Socket }).stream;
}

/**
 * Closes a connection in order, so that the broker redelivers its unacknowledged messages at once. Resolves when the
 * socket is closed, at the latest after LEAVE_MS. Never rejects.
 */
export async function leave(model: ChannelModel, why: string, clock: Clock, log: Log): Promise<void> {
  const socket = socketOf(model);
  const gone = socket.closed ? Promise.resolve() : new Promise((closed) => socket.once('close', closed));
  const cancel = clock.after(LEAVE_MS, () => socket.destroy(new Error(why)));
  // Not waited for: amqplib never settles it when the broker does not answer.
  model
    .close()
    .catch((cause: unknown) =>
      log.info({ cause: errorText(cause) }, 'rabbitmq: the connection was closed already'),
    );
  await gone;
  cancel();
}
