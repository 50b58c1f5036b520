import uWS, { type WebSocket } from 'uWebSockets.js';
import { listening } from './peer.js';

/*
 * The ceiling: nothing but uWebSockets.js, whose posts are gathered for TURNS turns of the event loop and published
 * together, so that one flush, and one system call per socket, carries all of them. ACKS=1: the poster is told that
 * its post is out, by the id that it gave, as Parlor tells it.
 *
 * Measured here, deliveries for a second of the server's CPU. One room of 1,000, 64 in flight: published in the handler
 * 1.2 to 1.9 million, after one turn 6.6 to 8.0, after two 7.0 to 7.3, after three 6.6 to 8.2; with acks 7.2 to 7.7.
 * 1,000 rooms of two, one in flight in each: in the handler 155,000 to 178,000, after one turn 120,000 to 166,000, after
 * two 194,000 to 196,000. So two turns for both.
 */
interface UserData {
  readonly topic: string;
  open: boolean;
  /** Ids of posts that are not acked yet. */
  unacked: string[];
}

interface Post {
  readonly topic: string;
  readonly frame: ArrayBuffer;
}

interface Poster {
  readonly ws: WebSocket<UserData>;
  readonly user: UserData;
}

const ACKS = process.env['ACKS'] === '1';
const TURNS = Number(process.env['TURNS'] ?? 2);
const ID_FROM = '{"type":"message","id":"'.length;
const ID_LENGTH = 36;

const app = uWS.App();
let posts: Post[] = [];
let posters: Poster[] = [];
let seq = 0;

function post(ws: WebSocket<UserData>, message: ArrayBuffer): void {
  if (posts.length === 0) turn(TURNS);
  const user = ws.getUserData();
  // The bytes belong to uWebSockets.js and die with this call.
  posts.push({ topic: user.topic, frame: message.slice(0) });
  if (!ACKS) return;
  if (user.unacked.push(Buffer.from(message).toString('latin1', ID_FROM, ID_FROM + ID_LENGTH)) === 1)
    posters.push({ ws, user });
}

function turn(left: number): void {
  setImmediate(left > 1 ? () => turn(left - 1) : publish);
}

function publish(): void {
  const gathered = posts;
  posts = [];
  const told = posters;
  posters = [];
  // uWebSockets.js ends the cork when it hands over a second message: then each ack would be a system call of its own.
  acknowledge(told, (user) => user.unacked.length > 1);
  for (const { topic, frame } of gathered) app.publish(topic, frame);
  // One message leaves a socket before the ack that is sent to it, and corked in the same system call.
  acknowledge(told, (user) => user.unacked.length === 1);
}

function acknowledge(told: readonly Poster[], which: (user: UserData) => boolean): void {
  for (const { ws, user } of told) {
    if (user.open && which(user)) ws.cork(() => sendAcks(ws, user));
  }
}

function sendAcks(ws: WebSocket<UserData>, user: UserData): void {
  for (const id of user.unacked) ws.send(`{"type":"ack","id":"${id}","seq":${++seq}}`);
  user.unacked = [];
}

app.ws<UserData>('/ws/*', {
  maxPayloadLength: 64 * 1024,
  maxBackpressure: 1024 * 1024,
  idleTimeout: 120,
  compression: uWS.DISABLED,
  upgrade(res, req, context) {
    const user: UserData = { topic: req.getUrl(), open: true, unacked: [] };
    const key = req.getHeader('sec-websocket-key');
    res.upgrade(user, key, '', req.getHeader('sec-websocket-extensions'), context);
  },
  open: (ws) => void ws.subscribe(ws.getUserData().topic),
  message: post,
  close: (ws) => void (ws.getUserData().open = false),
});
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) process.exit(1);
  listening(uWS.us_socket_local_port(socket));
});
