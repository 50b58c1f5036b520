import { ERRORS, type ErrorCode } from '../../engine/errors.js';

/** A frame as an event of a stream (the `text/event-stream` of the HTML standard), and what is known of it. */
export interface FrameEvent {
  readonly text: string;
  readonly bytes: number;
  /** Of an `error` frame, what it says; else null. */
  readonly refusal: FrameRefusal | null;
}

/** Why a stream is refused, or ends. */
export interface FrameRefusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retry_after_ms?: number;
}

/** The fields of frames that matter here. */
interface Frame {
  readonly type: string;
  readonly seq?: number;
  readonly head_seq?: number;
  readonly recovered?: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly retry_after_ms?: number;
}

/**
 * The event of a frame. Its id is the seq up to which the client has everything once it has this frame, so that a browser comes
 * back with it as `Last-Event-ID`. An `error` sets after how long a browser comes back.
 */
export function frameEvent(json: string): FrameEvent {
  const frame = JSON.parse(json) as Frame;
  const id = idOf(frame);
  const refusal = refusalOf(frame);
  const retry = refusal?.retry_after_ms;
  const text = eventText({ data: json, id, retry });
  return { text, bytes: Buffer.byteLength(text), refusal };
}

/**
 * A welcome has an id, too, if no missed messages follow it: a client that is cut off before the first message would come
 * back without one, and miss what was posted meanwhile.
 */
function idOf({ type, seq, head_seq, recovered }: Frame): number | undefined {
  return type === 'welcome' && recovered !== true ? head_seq : seq;
}

function refusalOf({ type, code, message = '', retry_after_ms }: Frame): FrameRefusal | null {
  if (type !== 'error' || code === undefined || !Object.hasOwn(ERRORS, code)) return null;
  const refusal = { code: code as ErrorCode, message };
  return retry_after_ms === undefined ? refusal : { ...refusal, retry_after_ms };
}

/** The fields of one event. */
export interface EventFields {
  /** One line. */
  readonly data: string;
  /** Its type; left out: `message`. */
  readonly event?: string | undefined;
  readonly id?: number | undefined;
  /** After how long a browser comes back when the stream has ended, ms. */
  readonly retry?: number | undefined;
}

const BREAKS = /[\r\n]/;

/** @throws if a field has a line break, which would end it: the rest would be taken for other fields. */
export function eventText({ data, event = '', id, retry }: EventFields): string {
  if (BREAKS.test(data) || BREAKS.test(event)) throw new Error('an event of a stream is one line');
  let text = `data: ${data}\n\n`;
  if (id !== undefined) text = `id: ${id}\n${text}`;
  if (retry !== undefined) text = `retry: ${retry}\n${text}`;
  return event === '' ? text : `event: ${event}\n${text}`;
}

/** The last event of a stream: as the close frame of a WebSocket. */
export function endText(code: number, reason: string): string {
  return eventText({ event: 'end', data: JSON.stringify({ code, reason }) });
}
