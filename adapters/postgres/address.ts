import { Client, type ClientConfig } from 'pg';

/** Where the database is. Only `config` holds the password. */
export interface Address {
  readonly config: ClientConfig;
  readonly user: string;
  readonly database: string;
  /** `host:port/database`, for logs and errors. */
  readonly where: string;
}

/** Reads a `postgres://` URL; PGHOST and the like fill in what it leaves out. Throws an Error of one line, without the URL. */
export function addressOf(url: string): Address {
  const config: ClientConfig = { connectionString: url, application_name: 'parlor', keepAlive: true };
  let client: Client;
  // It is never connected: it only shows what pg makes of the URL and of the environment.
  try {
    client = new Client(config);
  } catch (error) {
    throw unusable(error);
  }
  const { user = '', database = user, host, port } = client;
  return { config, user, database, where: `${host}:${port}/${database}` };
}

/** pg's own error may quote the URL with its password, so it is not even kept as the cause. */
function unusable(error: unknown): Error {
  // A certificate or key that is named in the URL is read by the constructor, so this may be an error of `fs`.
  const { code, path } = error as NodeJS.ErrnoException;
  if (path !== undefined)
    return new Error(`DATABASE_URL names a file that cannot be read: ${path} (${code})`);
  return new Error('DATABASE_URL is not a URL: it has to be postgres://user:password@host:port/database');
}
