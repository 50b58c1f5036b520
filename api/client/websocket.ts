import { endOf } from './close-codes.js';
import { errorOf } from './errors.js';
import { queryOf, type Identity, type Link, type LinkEvents } from './link.js';
import type { Settings } from './settings.js';
import type { SocketConstructor } from './types.js';
import type { Refusal, ServerFrame } from './wire.js';

/** A link over one WebSocket for all rooms. */
export function openWebSocket(
  { base }: Pick<Settings, 'base'>,
  Socket: SocketConstructor,
  identity: Identity,
  events: LinkEvents,
): Link {
  const url = `${base.replace(/^http/, 'ws')}/ws?${String(queryOf(identity))}`;
  const { token } = identity;
  // As a subprotocol the token stays out of the logs of proxies.
  const socket = new Socket(url, ['parlor.v1', ...(token === null ? [] : [`parlor.token.${token}`])]);
  let last: Refusal | null = null;
  const close = (): void => {
    socket.onmessage = socket.onclose = null;
    socket.close();
  };
  const send = (frame: object): void => {
    if (socket.readyState === 1) socket.send(JSON.stringify(frame));
  };
  socket.onmessage = ({ data }: { data: unknown }) => {
    events.heard();
    const frame = JSON.parse(String(data)) as ServerFrame;
    if (frame.room !== undefined) return events.frame(frame);
    if (frame.type === 'hello') events.opened(frame.user, frame.resume ?? null);
    else if (frame.type === 'error') last = frame;
  };
  // The close follows, and knows more. `ws` wants to be listened to.
  socket.onerror = () => undefined;
  socket.onclose = ({ code, reason: text }: { code: number; reason: string }) => {
    close();
    events.ended(errorOf(endOf(code, text, last)));
  };
  return {
    carriesPosts: true,
    send,
    probe: () => send({ type: 'ping' }),
    close,
  };
}
