import uWS, { type WebSocketBehavior } from 'uWebSockets.js';

/** A room of the plain peers: whoever connects to a path is subscribed to it, with the limits and pings that Parlor has. */
export const room: Omit<WebSocketBehavior<{ topic: string }>, 'message'> = {
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
};
