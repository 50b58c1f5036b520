import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { listening, portOf } from './peer.js';

/*
 * The peer: ws, broadcasting as its README does ("Server broadcast"): `client.send(data, { binary: false })` with the
 * bytes that came, to the open clients of the room, each room a set of its own.
 *
 * FRAMES=1: the frame is built once and written to the clients' sockets past what ws does for a send. ws documents no
 * such thing (it has it inside, `Sender.frame`, which Socket.IO uses; websockets/ws issue 617); it was a fifth to a third
 * faster here.
 */
interface Member {
  readonly client: WebSocket;
  readonly socket: Socket;
}

const FRAMES = process.env['FRAMES'] === '1';
const MAX_BYTES = 64 * 1024 - 1;
const rooms = new Map<string, Set<Member>>();
const server = createServer();
const sockets = new WebSocketServer({
  server,
  // The default since version 8, said anyway: compression costs CPU and memory (README, "WebSocket compression").
  perMessageDeflate: false,
  // Here a set per room is what is iterated.
  clientTracking: false,
  maxPayload: MAX_BYTES,
});

sockets.on('connection', (client, request) => {
  const topic = (request.url ?? '').split('?')[0] ?? '';
  let room = rooms.get(topic);
  if (!room) rooms.set(topic, (room = new Set()));
  const members = room;
  const member: Member = { client, socket: request.socket };
  members.add(member);
  // The close that follows is what matters.
  client.on('error', () => undefined);
  client.on('close', () => {
    members.delete(member);
    if (members.size === 0) rooms.delete(topic);
  });
  client.on('message', (data: Buffer) => (FRAMES ? writeFrame : send)(members, data));
});

function send(members: ReadonlySet<Member>, data: Buffer): void {
  for (const { client } of members)
    if (client.readyState === WebSocket.OPEN) client.send(data, { binary: false });
}

function writeFrame(members: ReadonlySet<Member>, data: Buffer): void {
  const frame = textFrame(data);
  for (const { client, socket } of members) if (client.readyState === WebSocket.OPEN) socket.write(frame);
}

/** RFC 6455 section 5.2: a whole text, not masked. */
function textFrame(data: Buffer): Buffer {
  const { length } = data;
  const head = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), data]);
}

server.listen(0, '127.0.0.1', () => listening(portOf(server)));
