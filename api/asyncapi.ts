import { ERRORS } from '../engine/errors.js';
import { CLIENT_FRAMES, SERVER_FRAMES } from '../engine/messages/frames.js';
import { TOKEN_PROTOCOL } from './access/token.js';
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
        .join(', ')}; 1012 the node restarts: reconnect after the retry_after_ms of the error before it.`,
    },
    channels: {
      updates: {
        address: '/ws/updates/{room_id}',
        description:
          'One room. A trailing slash is ignored. Query: user (your name) and since (the last seq you have; what you missed ' +
          'follows the welcome), as percent-encoded UTF-8, in which + is a space. With AUTH=jwt a token with the right join is ' +
          `needed: in Authorization: Bearer, as a subprotocol ${TOKEN_PROTOCOL}<token> offered beside ${SUBPROTOCOL}, or as ` +
          'access_token in the query. When it expires the connection is closed with 4401, unless a refresh came before. ' +
          'The subprotocol ' +
          `${SUBPROTOCOL} is chosen if it is offered; if only others are offered, none is chosen. ` +
          'Connections of pages whose origin is not listed in ORIGINS, or with a Host that is not listed in HOSTS, are closed ' +
          'with 4403. The server pings every PING_S. A page cannot see these pings; it sends ping frames to check the link. ' +
          'A frame of more than MAX_FRAME_BYTES ends the connection with 4413; one of more than twice that size ends it ' +
          'without a close frame (1006).',
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
