import { KIND } from './dialects.js';

/** Of `{"id":12,"publish":…` and `{"id":12,"error":…`. */
export function replyKind(bytes: Buffer, from: number): number {
  let at = from + '{"id":'.length;
  while ((bytes[at] ?? 0) >= 48 && (bytes[at] ?? 0) <= 57) at++;
  const letter = String.fromCharCode(bytes[at + ',"'.length] ?? 0);
  return letter === 'p' ? KIND.ack : letter === 'e' ? KIND.error : KIND.other;
}

/** An error's code, whatever it is wrapped into. */
export function errorCode(text: string): string {
  return /"code":"?([\w.-]+)/.exec(text)?.[1] ?? 'unknown';
}

/** The number in a field of a frame, null if it has none. */
export function seqIn(text: string, field: 'seq' | 'head_seq'): number | null {
  const match = new RegExp(`"${field}":(\\d+)`).exec(text);
  return match ? Number(match[1]) : null;
}
