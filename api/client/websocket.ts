import { endOf } from './close-codes.js';
import { errorOf, passing, type ParlorError } from './errors.js';
import { queryOf, type Identity, type Link, type LinkEvents } from './link.js';
import type { SocketConstructor } from './types.js';
import type { Refusal, ServerFrame } from './wire.js';

/** Errors that end a connection when they are told about it come just before its close, so an older one is not the reason. */
const REASON_MS = 2_000;

/** A link over one WebSocket for all rooms. */
export function openWebSocket(
  base: string,
  Socket: SocketConstructor,
  identity: Identity,
  events: LinkEvents,
): Link {
  const url = `${base.replace(/^http/, 'ws')}/ws?${queryOf(identity)}`;
  const { token } = identity;
  // As a subprotocol the token stays out of the logs of proxies.
  const socket = new Socket(url, ['parlor.v1', ...(token === null ? [] : [`parlor.token.${token}`])]);
  let isOver = false;
  let reason: Refusal | null = null;
  let reasonAt = 0;
  const close = (): void => {
    isOver = true;
    socket.onmessage = socket.onclose = null;
    socket.close();
  };
  const end = (error: ParlorError): void => {
    if (isOver) return;
    close();
    events.ended(error);
  };
  const send = (frame: object): void => {
    if (socket.readyState === 1) socket.send(JSON.stringify(frame));
  };
  socket.onmessage = ({ data }: { data: unknown }) => {
    events.heard();
    if (isOver) return;
    const frame = JSON.parse(String(data)) as ServerFrame;
    if (frame.room !== undefined) return events.frame(frame);
    if (frame.type === 'hello') events.opened(frame.user, frame.resume ?? null);
    else if (frame.type === 'error') {
      reason = frame;
      reasonAt = Date.now();
    }
  };
  // The close follows, and knows more. `ws` wants to be listened to.
  socket.onerror = () => undefined;
  socket.onclose = ({ code, reason: text }: { code: number; reason: string }) =>
    end(errorOf(endOf(code, text, Date.now() - reasonAt < REASON_MS ? reason : null)));
  return {
    carriesPosts: true,
    send,
    probe: () => {
      if (socket.readyState > 1) end(passing('network', 'the WebSocket is closed'));
      else send({ type: 'ping' });
    },
    close,
  };
}
