import { endOf } from './close-codes.js';
import { NetworkError, type ParlorError } from './errors.js';
import type { Identity, Link, LinkEvents } from './link.js';
import type { SocketConstructor } from './types.js';
import type { Refusal, ServerFrame } from './wire.js';

/** Errors that end a connection when they are told about it come just before its close, so an older one is not the reason. */
const REASON_MS = 2_000;

/** A link over one WebSocket for all rooms. */
export function openWebSocket(
  base: string,
  Socket: SocketConstructor,
  { user, token, resume }: Identity,
  events: LinkEvents,
): Link {
  const query = new URLSearchParams();
  if (resume !== null) query.set('resume', resume);
  else if (user !== null) query.set('user', user);
  const url = `${base.replace(/^http/, 'ws')}/ws?${query}`;
  // As a subprotocol the token stays out of the logs of proxies.
  const socket = new Socket(url, ['parlor.v1', ...(token === null ? [] : [`parlor.token.${token}`])]);
  let isOver = false;
  let reason: Refusal | null = null;
  let reasonAt = 0;
  const close = (): void => {
    isOver = true;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // What `ws` says of a socket that is closed while it connects; browsers say nothing that helps either.
    socket.onerror = () => undefined;
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
    else if (frame.type === 'refreshed') events.refreshed();
    else if (frame.type === 'error') {
      reason = frame;
      reasonAt = Date.now();
    }
  };
  // The close follows, and knows more.
  socket.onerror = () => undefined;
  socket.onclose = ({ code, reason: text }: { code: number; reason: string }) =>
    end(endOf(code, text, Date.now() - reasonAt < REASON_MS ? reason : null));
  return {
    carriesPosts: true,
    send,
    probe: () => {
      if (socket.readyState > 1) end(new NetworkError('the WebSocket is closed'));
      else send({ type: 'ping' });
    },
    close,
  };
}
