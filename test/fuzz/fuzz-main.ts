/**
 * `make fuzz`: random input to every parser of the real program, for DURATION seconds; SEED makes the same inputs again. Commands
 * and events go over the RabbitMQ that AMQP_URL names, whose virtual host has to be nobody's, or over a private one. Exit code
 * 0: nothing was found; 1: something was, and is in fuzz-findings/.
 */
import { provideRabbit } from '../support/rabbitmq.js';
import { save } from './findings.js';
import { fuzz, type FuzzResult } from './fuzz.js';

/** More findings are not printed: they are in the folder. */
const LINES = 20;

process.exitCode = await main();

async function main(): Promise<number> {
  const seconds = numberOf('DURATION', 300);
  const seed = numberOf('SEED', Math.floor(Math.random() * 2 ** 31));
  say(`${seconds} s of fuzzing; once more: make fuzz DURATION=${seconds} SEED=${seed}`);
  const rabbit = await provideRabbit();
  try {
    return report(seed, await fuzz({ seed, seconds, amqpUrl: rabbit.url }));
  } finally {
    await rabbit.stop();
  }
}

function report(seed: number, { figures, findings }: FuzzResult): number {
  for (const line of figures) say(line);
  for (const { attack, wrong } of findings.slice(0, LINES)) say(`FOUND  ${attack}: ${wrong}`);
  if (findings.length > 0) say(`${findings.length} findings, in ${save(findings, seed)}/`);
  else say('nothing was found');
  return findings.length === 0 ? 0 : 1;
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
