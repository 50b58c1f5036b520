import { connect } from 'amqplib';
import uWS from 'uWebSockets.js';
import { listening } from './peer.js';
import { room } from './uws-room.js';

/**
 * The peer for several processes: uWebSockets.js and amqplib, and nothing between. What a client says is published to an
 * exchange, and what comes from there is published to the clients. It knows no order, keeps nothing and confirms nothing.
 */
const EXCHANGE = 'relay';

const model = await connect(process.env['AMQP_URL'] ?? '');
const out = await model.createChannel();
await out.assertExchange(EXCHANGE, 'fanout', { durable: false });
const events = await model.createChannel();
const { queue } = await events.assertQueue('', { exclusive: true });
await events.bindQueue(queue, EXCHANGE, '');

const app = uWS.App();
app.ws<{ topic: string }>('/ws/*', {
  ...room,
  message: (ws, message) => void out.publish(EXCHANGE, ws.getUserData().topic, Buffer.from(message.slice(0))),
});
await events.consume(
  queue,
  (event) => {
    if (!event) throw new Error('the queue was deleted');
    app.publish(event.fields.routingKey, event.content);
  },
  { noAck: true },
);
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) process.exit(1);
  listening(uWS.us_socket_local_port(socket));
});
