import type { TSchema } from '@sinclair/typebox';
import { ERRORS } from '../engine/errors.js';
import {
  aboutRoom,
  CLIENT_FRAMES,
  MANY_CLIENT_FRAMES,
  MANY_SERVER_FRAMES,
  SERVER_FRAMES,
} from '../engine/messages/frames.js';
import { TOKEN_PROTOCOL } from './access/token.js';
import { documented } from './formats.js';
import { VERSION } from './version.js';
import { SUBPROTOCOL, WS_MANY, WS_PREFIX } from './websocket.js';

type Schemas = Readonly<Record<string, TSchema>>;

const HANDSHAKE =
  'A trailing slash is ignored. The query is percent-encoded UTF-8, in which + is a space. With AUTH=jwt a token is ' +
  `needed: in Authorization: Bearer, as a subprotocol ${TOKEN_PROTOCOL}<token> offered beside ${SUBPROTOCOL}, or as ` +
  'access_token in the query. When it expires the connection is closed with 4401, unless a refresh came before. ' +
  'The subprotocol ' +
  `${SUBPROTOCOL} is chosen if it is offered; if only others are offered, none is chosen. ` +
  'Connections of pages whose origin is not listed in ORIGINS, or with a Host that is not listed in HOSTS, are closed ' +
  'with 4403. The server pings every PING_S. A page cannot see these pings; it sends ping frames to check the link. ' +
  'A frame of more than MAX_FRAME_BYTES ends the connection with 4413; one of more than twice that size ends it ' +
  'without a close frame (1006).';

const ONE_ROOM =
  'One room. Query: user (your name) and since (the last seq you have; what you missed follows the welcome). A token needs ' +
  'the right join in this room. ';

const MANY_ROOMS =
  'Many rooms. Query: user (your name). Each frame that is about a room has its id in room, and is otherwise the frame of ' +
  `${WS_PREFIX}{room_id}. A subscribe is answered with the welcome of the room or with unsubscribed, which never ends the ` +
  'connection; after unsubscribed no frame of this room comes, except an answer to a post that was under way, until it is ' +
  'subscribed to again. Of several rooms the welcomes come first, then what was missed, in turns. ';

/** The WebSockets as an AsyncAPI 3 document, from the schemas that check their frames. */
export function asyncapi(): object {
  const updates = channel('updates', CLIENT_FRAMES, SERVER_FRAMES);
  const rooms = channel('rooms', MANY_CLIENT_FRAMES, { ...inRooms(SERVER_FRAMES), ...MANY_SERVER_FRAMES });
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
        address: `${WS_PREFIX}{room_id}`,
        description: ONE_ROOM + HANDSHAKE,
        parameters: { room_id: { description: '1–64 of A-Z a-z 0-9 _ . : -, but neither . nor ..' } },
        messages: updates.messages,
      },
      rooms: { address: WS_MANY, description: MANY_ROOMS + HANDSHAKE, messages: rooms.messages },
    },
    operations: {
      send: updates.send,
      receive: updates.receive,
      sendToRooms: rooms.send,
      receiveOfRooms: rooms.receive,
    },
  };
}

/** The messages of a channel, and both directions of it. */
function channel(name: string, client: Schemas, server: Schemas) {
  const refs = (side: string, schemas: Schemas) =>
    Object.keys(schemas).map((type) => ({ $ref: `#/channels/${name}/messages/${side}_${type}` }));
  const operation = (action: string, side: string, schemas: Schemas) => ({
    action,
    channel: { $ref: `#/channels/${name}` },
    messages: refs(side, schemas),
  });
  return {
    messages: Object.fromEntries([
      ...Object.entries(client).map(named('client')),
      ...Object.entries(server).map(named('server')),
    ]),
    send: operation('send', 'client', client),
    receive: operation('receive', 'server', server),
  };
}

function inRooms(frames: typeof SERVER_FRAMES): Schemas {
  return Object.fromEntries(
    Object.entries(frames).map(([type, schema]) => [type, aboutRoom(type, schema)]),
  );
}

function named(side: string) {
  return ([name, schema]: [string, object]): [string, object] => [
    `${side}_${name}`,
    { name, payload: documented(schema) },
  ];
}
