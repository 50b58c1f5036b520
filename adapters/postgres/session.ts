/** Settings of every connection; they come after connecting, as some connection poolers refuse them before. */
function common(timeoutMs: number): string {
  return `
    SET statement_timeout = ${timeoutMs};
    SET idle_in_transaction_session_timeout = ${timeoutMs};
    SET client_encoding = 'UTF8';
    SET search_path = pg_catalog;
    SET default_transaction_isolation = 'read committed';
    -- Every statement knows its index. A plan that was made while a table was small must not be a scan later.
    SET plan_cache_mode = force_generic_plan;
    SET jit = off;
    SET enable_seqscan = off;`;
}

/** How long a commit waits for a lock: well below `timeoutMs`, so that there is time for the rooms that are free. */
function lockMs(timeoutMs: number): number {
  return Math.max(100, Math.round(timeoutMs / 5));
}

/** For the connections that read: along an index, in its order. */
export function readerSetup(timeoutMs: number): string {
  return `${common(timeoutMs)} SET enable_bitmapscan = off; SET enable_sort = off;`;
}

/**
 * For the one that appends. Its only join is of the events of a commit with the rooms of that commit, of which the
 * planner knows nothing: hashed, it is fast for one and for ten thousand. Where the operator has turned off that
 * a commit waits for the disk, it does here: "committed" is a promise.
 */
export function writerSetup(timeoutMs: number): string {
  return `${common(timeoutMs)} SET lock_timeout = ${lockMs(timeoutMs)};
    SET enable_nestloop = off;
    SET enable_mergejoin = off;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';`;
}
