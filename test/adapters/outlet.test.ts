import { WebSocket } from 'ws';
import { createUwsServer } from '../../adapters/uws/server.js';
import type { UwsSocket } from '../../adapters/uws/socket.js';
import { createWebSockets } from '../../adapters/uws/websockets.js';
import { outletConformance, type Wire } from '../conformance/outlet.js';
import { Client, Hub } from '../support/engine.js';
import { until } from '../support/until.js';

outletConformance('uWebSockets.js', async () => {
  const server = createUwsServer();
  const opened: { socket: UwsSocket; gone: boolean; ended: string | null }[] = [];
  const { outlet, attach } = createWebSockets({
    patterns: ['/ws/*'],
    protocol: 'parlor.v1',
    maxFrameBytes: 1024,
    maxBufferedBytes: 1024 * 1024,
    pingS: 25,
    silenceS: 120,
    refused: () => undefined,
    addressOf: (peer) => peer,
    opened(socket) {
      const one = { socket, gone: false, ended: null as string | null };
      opened.push(one);
      const ignore = (): void => undefined;
      const end = (code: string): void => void (one.ended = code);
      return { frame: ignore, refuse: ignore, end, closed: () => (one.gone = true) };
    },
  });
  server.attach(attach);
  const port = await server.listen('127.0.0.1', 0, 'exclusive');
  return {
    outlet,
    async connect(): Promise<Wire> {
      const at = opened.length;
      const client = new WebSocket(`ws://127.0.0.1:${port}/ws/x`);
      const frames: string[] = [];
      let code: number | null = null;
      client.on('message', (data) => frames.push((data as Buffer).toString()));
      client.on('close', (given) => (code = given));
      const one = await until(() => (client.readyState === WebSocket.OPEN ? opened[at] : undefined), {
        what: 'the socket to open',
      });
      if (!one) throw new Error('the socket did not open');
      return {
        socket: one.socket,
        got: () => frames,
        closedWith: () => code,
        endedFor: () => one.ended,
        stopReading: () => client.pause(),
        readOn: () => client.resume(),
        async leave() {
          client.close();
          await until(() => one.gone, { what: 'the server to notice' });
        },
      };
    },
    close() {
      server.close();
      return Promise.resolve();
    },
  };
});

/** The hub reads every frame as one of ours, so here texts go in an error frame. */
outletConformance('in-memory', () => {
  const hub = new Hub();
  const wrap = (text: string): string => JSON.stringify({ type: 'error', code: 'internal', message: text });
  return Promise.resolve({
    outlet: {
      bufferBytes: hub.bufferBytes,
      publish: (topic, frame) => hub.publish(topic, wrap(frame)),
      expectMore: (isExpected) => hub.expectMore(isExpected),
    },
    connect(): Promise<Wire> {
      const client = new Client(hub, 'somebody');
      const ignore = (): void => undefined;
      let ended: string | null = null;
      const end = (code: string): void => void (ended = code);
      client.connection = { id: '', requestId: '', frame: ignore, refuse: ignore, closed: ignore, end };
      return Promise.resolve({
        socket: {
          send: (...frames) => client.send(...frames.map(wrap)),
          sendSoon: (frame) => client.sendSoon(wrap(frame)),
          sendAlong: (frame) => client.sendAlong(wrap(frame)),
          subscribe: (topic, insteadOf) => client.subscribe(topic, insteadOf),
          unsubscribe: (topic) => client.unsubscribe(topic),
          backlog: () => client.backlog(),
          whenRead: (bytes, call, caller) => client.whenRead(bytes, call, caller),
          end: (code) => client.end(code),
        },
        got: () => client.frames.flatMap((frame) => (frame.type === 'error' ? [frame.message] : [])),
        closedWith: () => client.closedWith,
        endedFor: () => ended,
        stopReading: () => client.stopReading(),
        readOn: () => client.readOn(),
        leave() {
          client.close();
          return Promise.resolve();
        },
      });
    },
    close: () => Promise.resolve(),
  });
});
