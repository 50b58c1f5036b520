/**
 * `make chaos`: three nodes on a RabbitMQ and a PostgreSQL of their own, under load, and things that happen to them.
 * DURATION is in seconds, SEED chooses what happens, FAULT plants a fault (see planted-main.ts). Exit code 0: the promises
 * hold; 1: they do not.
 */
import { startServers } from '../support/cluster.js';
import { chaos, planted, saved } from './chaos.js';
import { plan } from './schedule.js';

/** More violations are not printed: they are in the history. */
const LINES = 40;

process.exitCode = await main();

async function main(): Promise<number> {
  const seconds = numberOf('DURATION', 600);
  const seed = numberOf('SEED', Math.floor(Math.random() * 2 ** 31));
  const { FAULT } = process.env;
  say(`${seconds} s of chaos; once more: make chaos DURATION=${seconds} SEED=${seed}`);
  const servers = await startServers();
  try {
    const schedule = plan(seed, seconds);
    const result = await chaos({ servers, seed, schedule, tell: say, ...(FAULT ? planted(FAULT) : {}) });
    for (const line of result.figures) say(line);
    for (const fault of result.faults.slice(0, LINES)) say(`BROKEN  ${fault}`);
    if (result.faults.length > 0) say(await saved(result, seed));
    say(result.faults.length === 0 ? 'the promises hold' : `${result.faults.length} violations`);
    return result.faults.length === 0 ? 0 : 1;
  } finally {
    await servers.close();
  }
}

function numberOf(name: string, otherwise: number): number {
  const given = process.env[name];
  const value = given === undefined || given === '' ? otherwise : Number(given);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${name} is a whole number`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
