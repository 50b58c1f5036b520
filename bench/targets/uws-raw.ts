import uWS from 'uWebSockets.js';
import { listening } from './peer.js';
import { room } from './uws-room.js';

/** The peer: nothing but uWebSockets.js that publishes in its message handler, as its examples do. */
const app = uWS.App();
app.ws<{ topic: string }>('/ws/*', {
  ...room,
  message: (ws, message) => void app.publish(ws.getUserData().topic, message),
});
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) process.exit(1);
  listening(uWS.us_socket_local_port(socket));
});
