/** How the seqs that a client is told of a room go on. */
export interface Seqs {
  /** The seq of the next event; null: it is not known. */
  readonly next: number | null;
  /** `deliver_alone` is off: what is said while somebody is alone is kept, and not sent. */
  readonly leavesOut: boolean;
}

export const NO_SEQS: Seqs = { next: null, leavesOut: false };

type Frame = Readonly<Record<string, unknown>>;

/** A room is entered. */
export function welcomed(welcome: Frame): Seqs {
  const next = welcome['recovered'] === true ? null : Number(welcome['head_seq']) + 1;
  return { next, leavesOut: leavesOut(welcome) ?? false };
}

/** A frame with a seq follows: what is wrong with its place, or null, and how it goes on. */
export function followed(before: Seqs, seq: number, frame: Frame): { wrong: string | null; seqs: Seqs } {
  const { next } = before;
  const isWrong = next !== null && (before.leavesOut ? seq < next : seq !== next);
  return {
    wrong: isWrong ? `a gap, ${next} comes next` : null,
    seqs: { next: seq + 1, leavesOut: leavesOut(frame) ?? before.leavesOut },
  };
}

/** By the policy in a frame; null: it has none. */
function leavesOut({ policy }: Frame): boolean | null {
  if (typeof policy !== 'object' || policy === null || !('deliver_alone' in policy)) return null;
  return policy.deliver_alone === false;
}
