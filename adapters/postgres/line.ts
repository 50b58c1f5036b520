import { Client, types as pgTypes, type CustomTypesConfig, type QueryArrayConfig } from 'pg';
import type { Address } from './address.js';
import { isAnswer, isReadOnly, ReadOnly } from './faults.js';

export type Row = unknown[];

/** A statement. With a name it is parsed and planned once per connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

/** One connection that makes itself anew: what fails on it fails, and the next call gets another one. */
export interface Line {
  /**
   * Makes a statement in a transaction of its own. Calls are sent at once and answered in their order. Rejects
   * within `timeoutMs` and a little; unless PostgreSQL answered with an error, it may still have been made.
   */
  run(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /** Calls without an answer so far. */
  readonly busy: number;
  /** Later calls get another connection; those made so far are still answered on the one there is. */
  renew(): void;
  /** Lets the calls finish, for `ms` at most, and ends the connection. Later calls reject. */
  close(ms: number): Promise<void>;
}

export interface LineOptions {
  readonly address: Address;
  readonly timeoutMs: number;
  /** `SET` statements for each new connection. */
  readonly setup: string;
  /**
   * Called with whatever ends a connection that was not asked to end, and with every error of a call; `connected` is
   * false where there was no connection to make it on.
   */
  readonly failed: (error: unknown, connected: boolean) => void;
  /** Called for every new connection, before anything is asked on it. */
  readonly opened?: () => void;
}

/** How much later than the server the client gives up: its answer that it has given up is worth waiting for. */
const GRACE_MS = 250;
// 2^53 seqs are enough, and as numbers they can be compared.
const types: CustomTypesConfig = {
  getTypeParser: (oid, format): unknown =>
    oid === pgTypes.builtins.INT8 ? Number : pgTypes.getTypeParser(oid, format),
};

/** Whoever answers from a standby may be behind what was committed, and the next commit would be refused. */
const CAN_WRITE = `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS read_only`;

/** Opens the connection with the first call. A server that takes no writes is not asked anything, reads neither. */
export function createLine({ address, timeoutMs, setup, failed, opened: tellOpened }: LineOptions): Line {
  let opened: Promise<Client> | undefined;
  /** Those that are given up: their end is no news. */
  const left = new WeakSet<Client>();
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
      if (up && !closed && !left.has(client)) failed(error, true);
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
      // A turn later, so that `open` finds itself in `opened` and can tell its own end from that of a later one.
      const mine = Promise.resolve().then(open);
      opened = mine;
      mine.catch(() => {
        if (opened === mine) opened = undefined;
      });
    }
    return opened;
  }

  /** What else is under way on it rejects; the next call does not wait for the end of it. */
  function giveUp(client: Client): void {
    left.add(client);
    if (live === client) live = opened = undefined;
    client.connection.stream.destroy();
  }

  /** Ends a connection once what is under way on it is answered, after `ms` at the latest. */
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
          left.add(client);
          return finish(client, timeoutMs);
        },
        () => undefined, // The calls that waited for it reject with this.
      );
    },
    async run(statement, values) {
      busy += 1;
      let client: Client | undefined;
      try {
        client = await connection();
        const query: QueryArrayConfig = { ...statement, rowMode: 'array', types };
        if (values !== undefined) query.values = [...values];
        // Several statements in one text are answered with an array.
        const result: { rows?: Row[] } = await client.query(query);
        return result.rows ?? [];
      } catch (error) {
        // One that does not answer in time is not waited for again, nor one asked that has become read-only.
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
