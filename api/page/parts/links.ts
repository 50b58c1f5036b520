/** A piece of a text: a link has the address to go to. */
export interface Piece {
  readonly text: string;
  readonly href: string | null;
}

/** http and https only, and only characters that can be seen: a mark of direction cannot dress up an address. */
const ADDRESS = /https?:\/\/[^\s<>"\p{C}]+/giu;
/** What more often ends the sentence than the address. */
const AFTER = /[.,;:!?'*_~…。，、！？)\]}»”’]$/u;
const OPENING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** A text in pieces, in order; together they are the text. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const link = withoutEnd(found);
    if (!isWeb(link)) continue;
    if (index > done) pieces.push({ text: text.slice(done, index), href: null });
    pieces.push({ text: link, href: new URL(link).href });
    done = index + link.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), href: null });
  return pieces;
}

/** A closing bracket that was opened within the address stays. */
function withoutEnd(address: string): string {
  let rest = address;
  for (;;) {
    const last = AFTER.exec(rest)?.[0];
    if (last === undefined) return rest;
    const opening = OPENING[last];
    if (opening !== undefined && rest.split(opening).length >= rest.split(last).length) return rest;
    rest = rest.slice(0, -last.length);
  }
}

function isWeb(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  // https://bank.example@evil.example/ leads to evil.example.
  return /^https?:$/.test(protocol) && hostname !== '' && username === '' && password === '';
}
