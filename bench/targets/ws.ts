import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { listening, portOf } from './peer.js';

/*
 * The peer: ws, broadcasting as its README does ("Server broadcast"): `client.send(data, { binary: false })` with the
 * bytes that came, to the open clients of the room, each room a set of its own.
 */
const rooms = new Map<string, Set<WebSocket>>();
const server = createServer();
const sockets = new WebSocketServer({
  server,
  // The default since version 8, said anyway: compression costs CPU and memory (README, "WebSocket compression").
  perMessageDeflate: false,
  // Here a set per room is what is iterated.
  clientTracking: false,
  maxPayload: 64 * 1024,
});

sockets.on('connection', (socket, request) => {
  const topic = (request.url ?? '').split('?')[0] ?? '';
  let room = rooms.get(topic);
  if (!room) rooms.set(topic, (room = new Set()));
  const members = room.add(socket);
  // The close that follows is what matters.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    members.delete(socket);
    if (members.size === 0) rooms.delete(topic);
  });
  socket.on('message', (data) => {
    for (const member of members)
      if (member.readyState === WebSocket.OPEN) member.send(data as Buffer, { binary: false });
  });
});
server.listen(0, '127.0.0.1', () => listening(portOf(server)));
