import { errorText } from '../../engine/errors.js';
import { startPrivatePostgres } from '../../test/support/postgres.js';
import { openPostgres, type PostgresServer } from './postgres.js';

/**
 * The PostgreSQL that BENCH_DATABASE_URL names, whose user must be allowed to create databases, else a private one,
 * which ends when it is closed. Where neither can be had, says so in one line and resolves with null.
 */
export async function findPostgres(tell: (line: string) => void): Promise<PostgresServer | null> {
  const given = process.env['BENCH_DATABASE_URL'];
  try {
    return given === undefined || given === '' ? await openPrivate() : await openPostgres(given);
  } catch (cause) {
    const [line] = errorText(cause).split('\n');
    tell(`bench: the rows of postgres are left out: ${line}`);
    return null;
  }
}

async function openPrivate(): Promise<PostgresServer> {
  const own = await startPrivatePostgres();
  try {
    const server = await openPostgres(own.url);
    return {
      ...server,
      async close() {
        await server.close();
        await own.close();
      },
    };
  } catch (cause) {
    await own.close();
    throw cause;
  }
}
