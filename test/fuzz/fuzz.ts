import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOpenApi } from '../e2e/support/openapi.js';
import { amqpAttack } from './amqp.js';
import { attackWith, type Attempt, type Campaign, type Counts, type Finding } from './attack.js';
import { configAttack } from './config.js';
import { httpAttack } from './http.js';
import { importAttack } from './import.js';
import { manyAttack } from './many.js';
import { ATTACKED, besiege } from './siege.js';
import { inSeconds, JWT_ENV, token } from '../support/tokens.js';
import { streamAttack } from './streams.js';
import { tokenAttack } from './tokens.js';
import { readFrameSchemas, wsAttack } from './ws.js';

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  /** A RabbitMQ virtual host of its own. */
  readonly amqpUrl: string;
}

export interface FuzzResult {
  /** Lines for a human. */
  readonly figures: readonly string[];
  readonly findings: readonly Finding[];
  /** Inputs of each attack. */
  readonly inputs: ReadonlyMap<string, number>;
}

/** The last inputs, which are saved when the program dies: one of them may be why. */
const LAST = 40;

/** Sends random input to every parser for this long, and judges what comes of it. */
export async function fuzz({ seed, seconds, amqpUrl }: FuzzOptions): Promise<FuzzResult> {
  const findings: Finding[] = [];
  const counts: Counts = new Map();
  const last: Attempt[] = [];
  const until = performance.now() + seconds * 1_000;
  const campaign: Campaign = {
    ...{ seed, counts },
    isOn: () => performance.now() < until,
    found: (finding) => {
      const isOfProgram = finding.input.length === 0;
      findings.push(isOfProgram ? { ...finding, input: last.flatMap(({ input }) => input) } : finding);
    },
    done(_attack, attempt) {
      last.push(attempt);
      if (last.length > LAST) last.shift();
    },
  };
  const folder = mkdtempSync(join(tmpdir(), 'parlor-fuzz-'));
  try {
    const over = [
      besiege({
        ...{ name: 'in-process', seconds, campaign },
        env: { STORE: 'sqlite', SQLITE_PATH: join(folder, 'parlor.db') },
        attacks: async (parlor) => {
          const [one, many] = [await readFrameSchemas(parlor), await readFrameSchemas(parlor, 'rooms')];
          return [
            httpAttack(parlor, await readOpenApi(parlor), 6),
            wsAttack(parlor, one, [ATTACKED], 6, many),
            manyAttack(parlor, many, [ATTACKED], 4),
            streamAttack(parlor, one, [ATTACKED], 3),
          ];
        },
      }),
      attackWith(importAttack(folder, 1), campaign).then(() => []),
      attackWith(configAttack(folder, 1), campaign).then(() => []),
      overAmqp(amqpUrl, seconds, campaign),
      besiege({
        ...{ name: 'with tokens', seconds, campaign },
        env: JWT_ENV,
        token: await token({ sub: 'judge', scope: 'service', exp: inSeconds(seconds + 86_400) }),
        attacks: async (parlor) => [tokenAttack(parlor, await readFrameSchemas(parlor), 4)],
      }),
    ];
    const figures = (await Promise.all(over)).flat();
    for (const [attack, came] of counts) figures.push(`${attack}: ${lineOf(came)}`);
    const inputs = new Map([...counts].map(([attack, came]) => [attack, total(came)]));
    return { figures, findings, inputs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function overAmqp(url: string, seconds: number, campaign: Campaign): Promise<string[]> {
  const closing: (() => Promise<void>)[] = [];
  const figures = await besiege({
    ...{ name: 'rabbitmq', seconds, campaign },
    env: { BROKER: 'rabbitmq', AMQP_URL: url, PARTITIONS: '16' },
    attacks: async () => {
      const { attack, close } = await amqpAttack(url, 4);
      closing.push(close);
      return [attack];
    },
  });
  for (const close of closing) await close();
  return figures;
}

function total(came: ReadonlyMap<string, number>): number {
  return [...came.values()].reduce((sum, count) => sum + count, 0);
}

function lineOf(came: ReadonlyMap<string, number>): string {
  const kinds = [...came].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${kind} ${count}`);
  return `${total(came)} inputs (${kinds.join(', ')})`;
}
