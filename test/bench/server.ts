import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { WebSocketServer, type WebSocket } from 'ws';
import type { DialectName } from '../../bench/load/plan.js';

/** How a server behaves that is asked to; without any of it, it is right. */
export interface Behaviour {
  readonly dialect?: DialectName;
  /** Messages leave so many ms after they came, at least. */
  readonly delayMs?: number;
  /** The n-th message (from 1) for a seat of the plan: once, or what a server must not do. */
  readonly pass?: (seat: number, n: number) => 'once' | 'never' | 'twice' | 'after the next';
  /** The code of an error frame instead of the n-th post (from 1). */
  readonly refuse?: (n: number) => string | null;
  /** Before the n-th post is handled. */
  readonly before?: (n: number, server: Server) => void;
  /** What a seat hears instead of a welcome. */
  readonly unwelcome?: (seat: number) => number | null;
  /** What is sent again to who comes back. */
  readonly recover?: (seat: number, missed: readonly string[]) => readonly string[];
  /** A member is cut off when more bytes than these are waiting for it. */
  readonly mostWaiting?: { readonly seat: number; readonly bytes: number };
}

export interface Server {
  readonly port: number;
  readonly counts: { posts: number; refused: number; deliveries: number; typings: number };
  /** Whether posts wait; those that did are handled when it becomes false. */
  hold(on: boolean): void;
  close(seat: number, code: number): void;
  cut(seat: number): void;
}

interface Member {
  readonly seat: number;
  readonly socket: WebSocket;
  heard: number;
  kept: string | null;
}

interface Room {
  readonly id: string;
  readonly members: Set<Member>;
  readonly messages: string[];
}

/** A small chat server in this process, which speaks all dialects of the load and does exactly what it is told. */
export async function startServer(t: Test, behaviour: Behaviour = {}): Promise<Server> {
  const { dialect = 'parlor', delayMs = 0 } = behaviour;
  const rooms = new Map<string, Room>();
  const members = new Map<number, Member>();
  const counts = { posts: 0, refused: 0, deliveries: 0, typings: 0 };
  let strangers = 0;
  let held: (() => void)[] | null = null;
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
    http.close();
  });
  const server: Server = {
    port: (http.address() as AddressInfo).port,
    counts,
    hold(on) {
      const waiting = held ?? [];
      held = on ? waiting : null;
      if (!on) for (const handle of waiting) handle();
    },
    close: (seat, code) => members.get(seat)?.socket.close(code),
    cut: (seat) => members.get(seat)?.socket.terminate(),
  };

  function enter(socket: WebSocket, id: string, seat: number): Member {
    const room = rooms.get(id) ?? { id, members: new Set(), messages: [] };
    rooms.set(id, room);
    const member: Member = { seat, socket, heard: 0, kept: null };
    room.members.add(member);
    members.set(seat, member);
    socket.on('close', () => room.members.delete(member));
    return member;
  }

  function tell(member: Member, text: string): void {
    const pass = behaviour.pass?.(member.seat, ++member.heard) ?? 'once';
    if (pass === 'after the next') {
      member.kept = text;
      return;
    }
    const kept = member.kept === null ? [] : [member.kept];
    member.kept = null;
    const copies = { once: [text], never: [], twice: [text, text] }[pass];
    for (const one of [...copies, ...kept]) {
      counts.deliveries++;
      member.socket.send(one);
    }
    const { mostWaiting } = behaviour;
    if (mostWaiting?.seat === member.seat && member.socket.bufferedAmount > mostWaiting.bytes)
      member.socket.terminate();
  }

  /** `wrap` makes a frame of the text of the message and its seq. */
  function post(socket: WebSocket, id: string, wrap: (seq: number) => string, answers: Answers): void {
    const handle = (): void => {
      const n = ++counts.posts;
      behaviour.before?.(n, server);
      const code = behaviour.refuse?.(n) ?? null;
      if (code !== null) {
        counts.refused++;
        socket.send(answers.error(code));
        return;
      }
      const room = rooms.get(id);
      if (!room) return;
      const text = wrap(room.messages.length + 1);
      room.messages.push(text);
      const ack = answers.ack?.(room.messages.length);
      if (ack !== undefined) socket.send(ack);
      const deliver = (): void => {
        for (const member of room.members) tell(member, text);
      };
      if (delayMs > 0) setTimeout(deliver, delayMs + 1);
      else deliver();
    };
    if (held) held.push(handle);
    else handle();
  }

  const talk: Record<DialectName, (socket: WebSocket, request: IncomingMessage) => void> = {
    parlor(socket, request) {
      const { id, seat, since } = addressOf(request);
      const code = behaviour.unwelcome?.(seat) ?? null;
      if (code !== null) {
        socket.send('{"type":"error","code":"forbidden","message":"not you"}');
        socket.close(code);
        return;
      }
      enter(socket, id, seat);
      const { messages } = rooms.get(id) as Room;
      const recovered = since === null ? '' : ',"recovered":true';
      socket.send(`{"type":"welcome","room_id":"${id}","head_seq":${messages.length}${recovered}}`);
      const missed = since === null ? [] : messages.slice(since);
      for (const text of behaviour.recover?.(seat, missed) ?? missed) socket.send(text);
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as { type: string; text: string };
        if (frame.type === 'typing') {
          counts.typings++;
          for (const member of rooms.get(id)?.members ?? [])
            member.socket.send('{"type":"typing","user":"x"}');
          return;
        }
        const wrap = (seq: number): string =>
          `{"type":"message","id":"${UUID}","room_id":"${id}","seq":${seq},"user":"user-${seat}","text":${JSON.stringify(frame.text)},"created_at":"2026-01-01T00:00:00.000Z"}`;
        post(socket, id, wrap, {
          ack: (seq) => `{"type":"ack","id":"${UUID}","seq":${seq}}`,
          error: (code) => `{"type":"error","code":"${code}","message":"no"}`,
        });
      });
    },
    plain(socket, request) {
      const { id, seat } = addressOf(request);
      enter(socket, id, seat);
      const error = (code: string): string => `{"type":"error","code":"${code}"}`;
      socket.on('message', (data: Buffer) => post(socket, id, () => data.toString(), { error }));
    },
    'socket.io'(socket) {
      let id = '';
      socket.send('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}');
      const ping = setInterval(() => socket.send('2'), 50);
      socket.on('close', () => clearInterval(ping));
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text === '40') socket.send('40{"sid":"b"}');
        else if (text.startsWith('42["join"')) {
          id = (JSON.parse(text.slice(2)) as [string, string])[1];
          enter(socket, id, strangers++);
          socket.send('42["joined"]');
        } else if (text === '3') counts.typings++;
        else
          post(socket, id, () => text.replace('"post"', '"message"'), {
            error: (code) => `42["error",{"code":"${code}"}]`,
          });
      });
    },
    centrifugo(socket) {
      let id = '';
      const ping = setInterval(() => socket.send('{}'), 50);
      socket.on('close', () => clearInterval(ping));
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text === '{}') {
          counts.typings++;
          return;
        }
        const command = JSON.parse(text) as Command;
        if (command.subscribe) {
          id = command.subscribe.channel;
          enter(socket, id, strangers++);
        }
        if (command.publish) {
          const pub = { data: command.publish.data };
          // Two texts in one frame: a push is followed by one that nobody waits for.
          const wrap = (): string =>
            `${JSON.stringify({ push: { channel: id, pub } })}\n${JSON.stringify({ id: 0, other: {} })}`;
          post(socket, id, wrap, {
            ack: () => `{"id":${command.id},"publish":{}}\n`,
            error: (code) => `{"id":${command.id},"error":{"code":${code},"message":"no"}}`,
          });
        } else
          socket.send(JSON.stringify({ id: command.id, [command.connect ? 'connect' : 'subscribe']: {} }));
      });
    },
  };
  sockets.on('connection', (socket, request) => talk[dialect](socket, request));
  return server;
}

interface Answers {
  readonly ack?: (seq: number) => string;
  readonly error: (code: string) => string;
}

interface Command {
  readonly id: number;
  readonly connect?: object;
  readonly subscribe?: { readonly channel: string };
  readonly publish?: { readonly data: unknown };
}

const UUID = '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a';

function addressOf({ url = '' }: IncomingMessage): { id: string; seat: number; since: number | null } {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  const since = searchParams.get('since');
  return {
    id: pathname.slice('/ws/updates/'.length),
    seat: Number(searchParams.get('user')?.slice('user-'.length)),
    since: since === null ? null : Number(since),
  };
}
