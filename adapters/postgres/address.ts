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
  } catch (error) {
    throw unusable(error);
  }
  const { user = '', database = user, host, port } = client;
  return { config, user, database, where: `${host}:${port}/${database}` };
}

/** What pg says of a URL that it cannot use may hold the URL, and with it the password: not even kept as the cause. */
function unusable(error: unknown): Error {
  // A certificate or key that the URL names is read at once.
  const { code, path } = error as NodeJS.ErrnoException;
  if (path !== undefined)
    return new Error(`DATABASE_URL names a file that cannot be read: ${path} (${code})`);
  return new Error('DATABASE_URL is not a URL: it has to be postgres://user:password@host:port/database');
}
