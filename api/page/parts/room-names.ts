/** What a new room is for; its prefix chooses the policy (the setting ROOM_PRESETS). */
export type Kind = 'pair' | 'group' | 'channel';

const PREFIX: Readonly<Record<Kind, string>> = { pair: '', group: 'group:', channel: 'channel:' };
const LONGEST = 64;

/** How a room is called, apart from its prefix. */
export interface RoomName {
  readonly name: string;
  /** In words; '' for a room without a prefix. */
  readonly kind: string;
}

export function nameOf(id: string): RoomName {
  const at = id.indexOf(':');
  return at <= 0 || at === id.length - 1
    ? { name: id, kind: '' }
    : { name: id.slice(at + 1), kind: id.slice(0, at) };
}

/** Whether the server takes it as the id of a room. */
function isRoomId(id: string): boolean {
  return /^[\w.:-]{1,64}$/.test(id) && id !== '.' && id !== '..';
}

/**
 * The room that somebody means with these words: a name, an id with its prefix, or a link to share. null: nothing of it can
 * be a name.
 */
export function roomMeant(words: string, kind: Kind): string | null {
  const linked = roomInHash(words.includes('#') ? words.slice(words.indexOf('#')) : '');
  if (linked !== null) return linked;
  const plain = words
    .trim()
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\w.:-]+/g, '-')
    .replaceAll(/-{2,}/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  const id = (plain.includes(':') ? plain : PREFIX[kind] + plain).slice(0, LONGEST);
  return /\w/.test(plain) && isRoomId(id) ? id : null;
}

/** The room that the fragment of an address names; null: none, or none that there can be. */
export function roomInHash(hash: string): string | null {
  const id = fieldOf(hash, 'room');
  return id !== null && isRoomId(id) ? id : null;
}

/** The token that the fragment of an address carries. */
export function tokenInHash(hash: string): string | null {
  return fieldOf(hash, 'token');
}

export function hashOf(id: string): string {
  // A colon is allowed there (RFC 3986 section 3.5), and easier to read.
  return `#room=${encodeURIComponent(id).replaceAll('%3A', ':')}`;
}

function fieldOf(hash: string, name: string): string | null {
  const value = new URLSearchParams(hash.replace(/^#/, '')).get(name);
  return value === null || value === '' ? null : value;
}
