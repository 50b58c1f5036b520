import { Client } from 'pg';

/** A server that one test may stop, kill, freeze and start again. Its URL and its data stay over all of that. */
export interface PrivatePostgres {
  readonly kind: 'private' | 'docker';
  /** `postgresql://parlor@127.0.0.1:<port>/postgres`: an empty database, and its user may do everything. */
  readonly url: string;
  readonly port: number;
  /** The server's main process; another one after `start`. */
  readonly pid: number;
  /** Starts it with the data it had, after `stop` or `kill`. Resolves when it answers. */
  start(): Promise<void>;
  /** Stops it as an operator would: connections are ended, everything is written. */
  stop(): Promise<void>;
  /** SIGKILL for every process of it, at one moment: no goodbye and no checkpoint. Resolves when all are gone. */
  kill(): Promise<void>;
  /** Holds every process of it still: connections stay, nothing is answered. `thaw` lets them go on. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends everything that belongs to it, at once, and removes its folder. */
  close(): Promise<void>;
}

/** The user of a server of ours. */
export const OWNER = 'parlor';

/** Asks a server for a connection and an answer, within 2 s. Answers true, or, without the password, why not. */
export async function postgresAnswers(url: string): Promise<true | string> {
  try {
    await query(url, 'SELECT 1');
    return true;
  } catch (error) {
    const where = URL.canParse(url) ? new URL(url).host : 'not a URL';
    return `${where}: ${error instanceof Error ? error.message || error.name : String(error)}`;
  }
}

/** Makes one query on a connection of its own and resolves with the rows. */
export async function query(url: string, text: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // The query or `connect` rejects with it.
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** The same server's URL with another database. */
export function withDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}
