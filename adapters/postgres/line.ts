import { Client, types as pgTypes, type CustomTypesConfig, type QueryArrayConfig } from 'pg';
import type { Address } from './address.js';
import { isAnswer, isReadOnly, ReadOnly } from './faults.js';

export type Row = unknown[];

/** A statement. With a name it is parsed and planned once per connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

/** A connection that reconnects by itself: if it fails, calls on it reject, and the next call gets a new one. */
export interface Line {
  /**
   * Runs a statement in a transaction of its own. Calls are sent at once and answered in their order. Rejects at the latest
   * GRACE_MS after `timeoutMs`. Unless the error is an answer of PostgreSQL, the statement may still take effect.
   */
  run(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /** The number of calls without an answer. */
  readonly busy: number;
  /** Later calls get a new connection; pending ones are still answered on the present one. */
  renew(): void;
  /** Waits at most `ms` for pending calls, and ends the connection. Later calls reject. */
  close(ms: number): Promise<void>;
}

export interface LineOptions {
  readonly address: Address;
  readonly timeoutMs: number;
  /** `SET` statements for each new connection. */
  readonly setup: string;
  /**
   * Called when a connection ends without having been asked to, and with every error of a call; `connected` is false if
   * there was no connection for the call.
   */
  readonly failed: (error: unknown, connected: boolean) => void;
  /** Called for every new connection, before the first call on it. */
  readonly opened?: () => void;
}

/** How much later than the server the client gives up, ms: the server's error says more than a timeout of the client. */
const GRACE_MS = 250;
// bigint columns as numbers, which can be compared: no seq or position reaches 2^53.
const types: CustomTypesConfig = {
  getTypeParser: (oid, format): unknown =>
    oid === pgTypes.builtins.INT8 ? Number : pgTypes.getTypeParser(oid, format),
};

/** A standby may lag behind what was committed, and would refuse the next commit. */
const CAN_WRITE = `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS read_only`;

/** Connects at the first call. A server that accepts no writes is not used for reads either. */
export function createLine({ address, timeoutMs, setup, failed, opened: tellOpened }: LineOptions): Line {
  let opened: Promise<Client> | undefined;
  /** Connections that were given up: their end is not reported. */
  const abandoned = new WeakSet<Client>();
  let live: Client | undefined;
  let busy = 0;
  let closed = false;

  async function open(): Promise<Client> {
    const client = new Client({
      ...address.config,
      pipeline: true,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs + GRACE_MS,
    });
    let up = false;
    const lost = (error: Error): void => {
      if (opened === mine) live = opened = undefined;
      if (up && !closed && !abandoned.has(client)) failed(error, true);
      up = false;
    };
    client.on('error', lost);
    client.on('end', () => lost(new Error('the connection was closed')));
    const mine = opened;
    try {
      await client.connect();
      await client.query(setup);
      const { rows } = await client.query<{ standby: boolean; read_only: string }>(CAN_WRITE);
      if (rows[0]?.standby === true) throw new ReadOnly('this server is a standby');
      if (rows[0]?.read_only !== 'off') throw new ReadOnly('default_transaction_read_only is on');
      up = true;
      if (opened === mine) live = client;
      tellOpened?.();
      return client;
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    }
  }

  function connection(): Promise<Client> {
    if (closed) return Promise.reject(new Error('the store is closed'));
    if (opened === undefined) {
      // A turn later, so that `open` finds its own promise in `opened`, and can tell whether it is still the present one.
      const mine = Promise.resolve().then(open);
      opened = mine;
      mine.catch(() => {
        if (opened === mine) opened = undefined;
      });
    }
    return opened;
  }

  /** Destroys a connection: pending calls on it reject, and the next call gets a new one. */
  function giveUp(client: Client): void {
    abandoned.add(client);
    if (live === client) live = opened = undefined;
    client.connection.stream.destroy();
  }

  /** Ends a connection when its pending calls are answered, after `ms` at the latest. */
  async function finish(client: Client, ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    // In pipeline mode `end` waits for the answers to what was sent.
    await Promise.race([client.end(), patience]);
    clearTimeout(timer);
    client.connection.stream.destroy();
  }

  return {
    get busy() {
      return busy;
    },
    renew() {
      const old = opened;
      live = opened = undefined;
      old?.then(
        (client) => {
          abandoned.add(client);
          return finish(client, timeoutMs);
        },
        () => undefined, // The calls that waited for it reject with the error.
      );
    },
    async run(statement, values) {
      busy += 1;
      let client: Client | undefined;
      try {
        client = await connection();
        const query: QueryArrayConfig = { ...statement, rowMode: 'array', types };
        if (values !== undefined) query.values = [...values];
        // For several statements in one text, the result is an array.
        const result: { rows?: Row[] } = await client.query(query);
        return result.rows ?? [];
      } catch (error) {
        // The next call must neither wait for a server that does not answer, nor use one that has become read-only.
        if (client !== undefined && (!isAnswer(error) || isReadOnly(error))) giveUp(client);
        if (!closed) failed(error, client !== undefined);
        throw error;
      } finally {
        busy -= 1;
      }
    },
    async close(ms) {
      closed = true;
      const client = await opened?.catch(() => undefined);
      if (client !== undefined) await finish(client, ms);
    },
  };
}
