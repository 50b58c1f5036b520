import { ANYBODY, type Grant } from '../../engine/access/grant.js';
import type { ServerFrame } from '../../engine/messages/frames.js';
import { Client, type Node } from './engine.js';
import { until } from './until.js';

/** A frame on a connection to many rooms. */
export interface Told {
  readonly type: string;
  readonly room?: string;
  readonly [field: string]: unknown;
}

/** A client of many rooms over one fake socket. */
export class ManyClient extends Client {
  constructor(node: Node, user: string, grant: Grant = ANYBODY) {
    super(node.hub, user, true);
    this.connection = node.engine.connectToMany(this, { user, request_id: null, resume: null, grant });
  }

  enter(room: string, since?: number): void {
    this.say({ type: 'subscribe', room, ...(since === undefined ? {} : { since }) });
  }

  leave(room: string): void {
    this.say({ type: 'unsubscribe', room });
  }

  postTo(room: string, text: string, id?: string): void {
    this.say({ type: 'post', room, text, ...(id === undefined ? {} : { id }) });
  }
}

/** The frames about a room, without it. */
export function inRoom(client: ManyClient, room: string): ServerFrame[] {
  return (client.frames as readonly Told[])
    .filter((frame) => frame.room === room)
    .map(({ room: _room, ...frame }) => frame as unknown as ServerFrame);
}

/** Resolves when there are so many frames of a type about a room. */
export async function heard(client: ManyClient, room: string, type: string, count = 1): Promise<Told[]> {
  const all = (): Told[] =>
    (client.frames as readonly Told[]).filter((frame) => frame.room === room && frame.type === type);
  await until(() => all().length >= count, {
    what: () => `${count} × ${type} of ${room} for ${client.user}: ${JSON.stringify(client.frames.slice(-3))}`,
    intervalMs: 1,
  });
  return all();
}
