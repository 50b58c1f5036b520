import { ERRORS } from '../engine/errors.js';
import { CLIENT_FRAMES, SERVER_FRAMES } from '../engine/messages/frames.js';
import { VERSION } from './version.js';

/** The WebSocket as an AsyncAPI 3 document, from the schemas that check its frames. */
export function asyncapi(): object {
  const messages = Object.fromEntries([
    ...Object.entries(CLIENT_FRAMES).map(named('client')),
    ...Object.entries(SERVER_FRAMES).map(named('server')),
  ]);
  const refs = (side: string, names: readonly string[]) =>
    names.map((name) => ({ $ref: `#/channels/updates/messages/${side}_${name}` }));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Parlor WebSocket',
      version: VERSION,
      description: `Close codes: ${Object.entries(ERRORS)
        .map(([code, { close }]) => `${close} ${code}`)
        .join(', ')}; 1012 the node restarts: come back after the retry_after_ms of the error before it.`,
    },
    channels: {
      updates: {
        address: '/ws/updates/{room_id}',
        description:
          'One room. Query: user (your name), since (the seq you have; what you missed follows the welcome). ' +
          'Percent-encoded UTF-8; + is a space.',
        parameters: { room_id: { description: '1–64 of A-Z a-z 0-9 _ . : -, but neither . nor ..' } },
        messages,
      },
    },
    operations: {
      send: {
        action: 'send',
        channel: { $ref: '#/channels/updates' },
        messages: refs('client', Object.keys(CLIENT_FRAMES)),
      },
      receive: {
        action: 'receive',
        channel: { $ref: '#/channels/updates' },
        messages: refs('server', Object.keys(SERVER_FRAMES)),
      },
    },
  };
}

function named(side: string) {
  return ([name, schema]: [string, object]): [string, object] => [
    `${side}_${name}`,
    { name, payload: schema },
  ];
}
