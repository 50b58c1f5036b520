import { OVERLOADED, TOO_MUCH_HELD } from './admission.js';
import { decodeFrame, errorFrame, inRoom } from './codec.js';
import type { Refusal } from './errors.js';
import { idOf } from './text/message-ids.js';

/**
 * What a refusal needs of a client's frame, found without reading the frame: a node that is asked for twice what it can do
 * refuses as many posts as it takes, and each refusal takes time from them (bench/NOTES.md).
 */

/**
 * Makes `error` frames for one refusal, each with the id of a post if it has one, and its room if there are
 * many; only these are written each time. They must have no character that JSON escapes.
 */
export function refusalFrames({ code, message }: Refusal): (id: string | undefined, room?: string) => string {
  const bare = errorFrame(code, message);
  const fields = bare.slice(1);
  const withId = `${fields.slice(0, -1)},"id":"`;
  return (id, room) => {
    if (room === undefined) return id === undefined ? bare : `{${withId}${id}"}`;
    return id === undefined ? `{"room":"${room}",${fields}` : `{"room":"${room}",${withId}${id}"}`;
  };
}

/** Refusals that come in floods. */
const FIXED = new Map([TOO_MUCH_HELD, OVERLOADED].map((refusal) => [refusal, refusalFrames(refusal)]));

/**
 * The `error` frame for a refusal of what has this id, in this room if it is one of many. Both may be written as they are: the id
 * has to be one that was found here, the room a room id.
 */
export function refusalFrame(refusal: Refusal, id: string | undefined, room?: string): string {
  const fixed = FIXED.get(refusal);
  if (fixed !== undefined) return fixed(id, room);
  const { code, message, retry_after_ms } = refusal;
  const frame = errorFrame(code, message, id, retry_after_ms);
  return room === undefined ? frame : inRoom(room, frame);
}

const ID_KEY = '"id"';
const ID_FIELD = /"id"\s*:\s*"([0-9A-Za-z-]{1,64})"/y;
const ID_MAX = 64;
const [QUOTE, COLON, COMMA, HYPHEN] = ['"', ':', ',', '-'].map((one) => one.charCodeAt(0));
const [OPEN, CLOSE] = ['{', '}'].map((one) => one.charCodeAt(0));
const [ZERO = 0, NINE = 0, A = 0, Z = 0] = ['0', '9', 'a', 'z'].map((one) => one.charCodeAt(0));

/**
 * The id in a client's frame; undefined if it has none. A malformed frame may give an id or not. It costs a
 * tenth of decoding, because it only looks for the key: inside a JSON string a quotation mark follows a
 * backslash, so `"id"` is a key or a whole string.
 */
export function idOfFrame(text: string): string | undefined {
  const at = text.indexOf(ID_KEY);
  if (at < 0 && !text.includes('\\u')) return undefined;
  const plain = at < 0 ? undefined : idAt(text, at);
  if (plain !== undefined) return plain;
  // The frame has escapes, or `"id"` is a value.
  const decoded = decodeFrame(text);
  if ('fault' in decoded) return undefined;
  return 'id' in decoded.frame ? decoded.frame.id : undefined;
}

/** The id behind the key that begins at `at`; undefined: none follows. Nearly all are in lower case, without a blank before. */
function idAt(text: string, at: number): string | undefined {
  const from = at + ID_KEY.length + 2;
  if (text.charCodeAt(from - 2) === COLON && text.charCodeAt(from - 1) === QUOTE) {
    const to = text.indexOf('"', from);
    if (isPlainId(text, from, to)) return text.slice(from, to);
  }
  ID_FIELD.lastIndex = at;
  const found = ID_FIELD.exec(text)?.[1];
  return found === undefined ? undefined : idOf(found);
}

/** Whether an id stands there that is answered as it is written. */
function isPlainId(text: string, from: number, to: number): boolean {
  if (to <= from || to - from > ID_MAX) return false;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    const isDigit = code >= ZERO && code <= NINE;
    if (!isDigit && !(code >= A && code <= Z) && code !== HYPHEN) return false;
  }
  return true;
}

/** A control character makes it no JSON, and a backslash changes what stands behind it. */
// eslint-disable-next-line no-control-regex -- that is what is looked for
const NOT_PLAIN = /[\x00-\x1f\\]/;

/** What a `post` for one of many rooms is about. The room is as the client says it. */
export interface PostOfRoom {
  readonly room: string;
  readonly id: string | undefined;
}

/**
 * What a frame is about if it is a `post` that is written as nearly all are: an object of strings, with no blank between them
 * and no escape in them. Null: it has to be decoded. Of two fields of one name the last one counts, as with JSON.parse.
 */
export function plainPost(text: string): PostOfRoom | null {
  if (text.charCodeAt(0) !== OPEN || NOT_PLAIN.test(text)) return null;
  let type: string | undefined;
  let room: string | undefined;
  let id: string | undefined;
  for (let at = 1; ;) {
    const keyEnd = text.indexOf('":"', at + 1);
    if (text.charCodeAt(at) !== QUOTE || keyEnd < 0) return null;
    const key = text.slice(at + 1, keyEnd);
    const from = keyEnd + 3;
    const to = text.indexOf('"', from);
    if (to < 0) return null;
    if (key === 'type') type = text.slice(from, to);
    else if (key === 'room') room = text.slice(from, to);
    else if (key === 'id') {
      if (!isPlainId(text, from, to)) return null;
      id = text.slice(from, to);
      // A quotation mark would end the key, and what follows would be no string.
    } else if (key.includes('"')) return null;
    const next = text.charCodeAt(to + 1);
    at = to + 2;
    if (next === CLOSE && at === text.length) break;
    if (next !== COMMA) return null;
  }
  return type === 'post' && room !== undefined ? { room, id } : null;
}
