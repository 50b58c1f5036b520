import uWS from 'uWebSockets.js';
import { listening } from './peer.js';

/** The peer: nothing but uWebSockets.js that publishes in its message handler, as its examples do. */
const app = uWS.App();
app.ws<{ topic: string }>('/ws/*', {
  maxPayloadLength: 64 * 1024,
  maxBackpressure: 1024 * 1024,
  idleTimeout: 120,
  compression: uWS.DISABLED,
  upgrade(res, req, context) {
    const topic = req.getUrl();
    const key = req.getHeader('sec-websocket-key');
    res.upgrade({ topic }, key, '', req.getHeader('sec-websocket-extensions'), context);
  },
  open: (ws) => void ws.subscribe(ws.getUserData().topic),
  message: (ws, message) => void app.publish(ws.getUserData().topic, message),
});
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) process.exit(1);
  listening(uWS.us_socket_local_port(socket));
});
