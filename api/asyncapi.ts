import { ERRORS } from '../engine/errors.js';
import { CLIENT_FRAMES, SERVER_FRAMES } from '../engine/messages/frames.js';
import { documented } from './formats.js';
import { VERSION } from './version.js';
import { SUBPROTOCOL } from './websocket.js';

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
          'One room; a slash at the end is ignored. Query: user (your name), since (the seq you have; what you missed follows the ' +
          `welcome), as percent-encoded UTF-8, in which + is a space. The subprotocol ${SUBPROTOCOL} is chosen if it is offered; ` +
          'if only others are, none is. Pages of an origin that is not listed in ORIGINS are closed with 4403, and so is a Host ' +
          'that is not listed in HOSTS. The server pings every PING_S; a page, which cannot see that, sends ping frames itself. ' +
          'A frame of more than MAX_FRAME_BYTES ends the connection with 4413, and one of more than twice as many without a ' +
          'close frame (1006).',
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
    { name, payload: documented(schema) },
  ];
}
