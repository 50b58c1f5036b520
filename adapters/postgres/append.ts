import type { Append, AppendResult } from '../../engine/ports.js';

/** The most appends, and about the most events, that calls share in one commit: they fit into one statement. */
const APPENDS_AT_ONCE = 4_096;
const EVENTS_AT_ONCE = 8_192;

interface Call {
  readonly appends: readonly Append[];
  readonly events: number;
  readonly resolve: (results: AppendResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers appends for `commit`: one commit at a time, in the order of the calls. Calls that arrive during a commit share
 * the next one.
 *
 * If a call rejects because the connection was lost, its commit may still take effect later. That cannot go unnoticed:
 * it moves the head of its rooms, so the next append of anybody who loaded a room before is fenced. And if a room has
 * moved on meanwhile, the late commit does not take effect there.
 */
export function createAppender(
  commit: (appends: readonly Append[]) => Promise<AppendResult[]>,
): (appends: readonly Append[]) => Promise<AppendResult[]> {
  const waiting: Call[] = [];
  let working = false;

  async function work(): Promise<void> {
    working = true;
    for (let calls = next(); calls.length > 0; calls = next()) {
      try {
        const results = await commit(calls.flatMap(({ appends }) => appends));
        let from = 0;
        for (const { appends, resolve } of calls) resolve(results.slice(from, (from += appends.length)));
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    working = false;
  }

  /** The calls of the next commit: at least one, whatever its size. */
  function next(): Call[] {
    let [appends, events, count] = [0, 0, 0];
    for (const call of waiting) {
      appends += call.appends.length;
      events += call.events;
      if (count > 0 && (appends > APPENDS_AT_ONCE || events > EVENTS_AT_ONCE)) break;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  return (appends) =>
    new Promise((resolve, reject) => {
      const events = appends.reduce((sum, one) => sum + one.events.length, 0);
      waiting.push({ appends, events, resolve, reject });
      if (!working) void work();
    });
}
