/** Settings of every connection. They are made after connecting, since some connection poolers refuse them before. */
function common(timeoutMs: number): string {
  return `
    SET statement_timeout = ${timeoutMs};
    SET idle_in_transaction_session_timeout = ${timeoutMs};
    SET client_encoding = 'UTF8';
    SET search_path = pg_catalog;
    SET default_transaction_isolation = 'read committed';
    -- Every statement has its index. A plan that was made while a table was small must not remain a scan.
    SET plan_cache_mode = force_generic_plan;
    SET jit = off;
    SET enable_seqscan = off;`;
}

/** How long a commit waits for a lock, ms: well below `timeoutMs`, so that time is left for rooms that are not locked. */
function lockMs(timeoutMs: number): number {
  return Math.max(100, Math.round(timeoutMs / 5));
}

/** For the connections that read: along an index, in its order. */
export function readerSetup(timeoutMs: number): string {
  return `${common(timeoutMs)} SET enable_bitmapscan = off; SET enable_sort = off;`;
}

/**
 * For the connection that appends. Its only join is that of a commit's events with the commit's rooms, about which the
 * planner has no statistics: a hash join is fast for one and for ten thousand. `synchronous_commit` is turned on if an
 * operator has turned it off: "committed" is a promise.
 */
export function writerSetup(timeoutMs: number): string {
  return `${common(timeoutMs)} SET lock_timeout = ${lockMs(timeoutMs)};
    SET enable_nestloop = off;
    SET enable_mergejoin = off;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';`;
}
