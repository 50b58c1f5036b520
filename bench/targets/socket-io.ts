import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { listening, portOf } from './peer.js';

/*
 * The peer: Socket.IO with its default engine, and rooms as its documentation has them (`io.to(room).emit`). A client
 * says `join` with a room id and hears `joined`; what it gives with `post` its room hears as `message`.
 */
interface ClientEvents {
  join(room: string): void;
  post(message: unknown): void;
}
interface ServerEvents {
  joined(): void;
  message(message: unknown): void;
}
type SocketData = { room?: string };

const server = createServer();
const io = new Server<ClientEvents, ServerEvents, Record<string, never>, SocketData>(server, {
  transports: ['websocket'],
  // The default since version 3, said anyway.
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
});
// "Discard the initial HTTP request", socket.io/docs/v4/memory-usage.
io.engine.on('connection', (socket: { request: unknown }) => (socket.request = null));
io.on('connection', (socket) => {
  socket.on('join', (room) => {
    socket.data.room = room;
    void socket.join(room);
    socket.emit('joined');
  });
  socket.on('post', (message) => {
    if (socket.data.room !== undefined) io.to(socket.data.room).emit('message', message);
  });
});
server.listen(0, '127.0.0.1', () => listening(portOf(server)));
