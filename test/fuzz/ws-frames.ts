import { frameBytes } from '../e2e/support/raw.js';
import { anyBytes, anyJson, anyText, bent, cut, mutated, type Chance } from './chance.js';

/** What a client may send as text: right frames, bent ones, and what is none. It may hold half surrogates. */
export function textFrame(chance: Chance): string {
  const id = `00000000-0000-7000-8000-${String(chance.below(chance.yes(0.3) ? 50 : 1e9)).padStart(12, '0')}`;
  const text = chance.yes(0.5) ? 'Hello' : anyText(chance);
  switch (chance.below(8)) {
    case 0:
      return anyJson(chance);
    case 1:
      return anyText(chance).toWellFormed();
    case 2:
      return bent(chance, { type: 'typing' });
    case 3:
      return bent(chance, { type: 'ping' });
    case 4:
      return mutated(chance, Buffer.from(JSON.stringify({ type: 'post', text, id }))).toString();
    default:
      return bent(chance, { type: 'post', text, ...(chance.yes(0.3) ? { id } : {}) });
  }
}

/** The same on a connection to many rooms, about these. */
export function manyFrame(chance: Chance, rooms: readonly string[]): string {
  const room = chance.pick(rooms);
  const about = { room: chance.yes(0.97) ? room : anyText(chance) };
  const since = chance.yes(0.4) ? { since: chance.pick([0, 1, chance.below(50), 2 ** 53 - 1]) } : {};
  switch (chance.below(10)) {
    case 0:
      return textFrame(chance);
    case 1:
      return bent(chance, { type: 'typing', ...about });
    case 2:
      return bent(chance, { type: 'refresh', token: anyText(chance) });
    case 3:
      return mutated(
        chance,
        Buffer.from(JSON.stringify({ type: 'subscribe', ...about, ...since })),
      ).toString();
    case 4:
    case 5:
      return bent(chance, { type: 'unsubscribe', ...about });
    case 6:
    case 7:
      return bent(chance, { type: 'post', ...about, text: chance.yes(0.5) ? 'Hello' : anyText(chance) });
    default:
      return bent(chance, { type: 'subscribe', ...about, ...since });
  }
}

/** One text as a message of one frame or of fragments, with pings between them. */
export function wrapped(chance: Chance, text: string): { readonly frames: Buffer[]; readonly pings: number } {
  const bytes = Buffer.from(text);
  const pieces = chance.yes(0.6) ? [bytes] : cut(chance, bytes, 5);
  let pings = 0;
  const frames = pieces.flatMap((piece, at) => {
    const opcode = at === 0 ? 1 : 0;
    const frame = frameBytes(piece, { opcode, fin: at === pieces.length - 1 });
    if (!chance.yes(0.1)) return [frame];
    pings++;
    return [frameBytes(anyBytes(chance, 125), { opcode: 9 }), frame];
  });
  return { frames, pings };
}

/** One frame that may break every rule of the protocol. */
export function wildFrame(chance: Chance): Buffer {
  switch (chance.below(6)) {
    case 0:
      return anyBytes(chance, 60);
    case 1:
      return frameBytes(anyBytes(chance, 200), {
        opcode: chance.below(16),
        fin: chance.yes(0.7),
        masked: chance.yes(0.8),
        reserved: chance.yes(0.8) ? 0 : chance.below(8),
      });
    case 2:
      return frameBytes('x', {
        length: chance.pick([0, 125, 65_536, 131_072, 131_073, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63]),
      });
    case 3:
      return frameBytes(Buffer.alloc(chance.below(200_000), 'x'), {
        opcode: chance.below(3),
        fin: chance.yes(0.5),
      });
    case 4:
      return frameBytes(
        Buffer.concat([Buffer.from([chance.below(256), chance.below(256)]), anyBytes(chance, 100)]),
        { opcode: 8 },
      );
    default:
      return mutated(chance, frameBytes(textFrame(chance)));
  }
}
