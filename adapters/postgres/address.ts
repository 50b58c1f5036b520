import { Client, type ClientConfig } from 'pg';

/** Where the database is, without the password. */
export interface Address {
  readonly config: ClientConfig;
  readonly user: string;
  readonly database: string;
  /** `host:port/database` */
  readonly where: string;
}

/** Reads a `postgres://` URL; what it leaves out comes from PGHOST and the like. Throws one line without the URL. */
export function addressOf(url: string): Address {
  const config: ClientConfig = { connectionString: url, application_name: 'parlor', keepAlive: true };
  let client: Client;
  try {
    client = new Client(config);
  } catch {
    // The error at hand holds the URL, and with it the password.
    throw new Error('DATABASE_URL is not a URL: it has to be postgres://user:password@host:port/database');
  }
  const { user = '', database = user, host, port } = client;
  return { config, user, database, where: `${host}:${port}/${database}` };
}
