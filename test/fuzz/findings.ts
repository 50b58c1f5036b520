import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from './attack.js';

/** Where findings are kept, in the folder in which the program was started. */
const FOLDER = 'fuzz-findings';

/** Writes one file a finding, with the input as it was sent (`base64`) and to read (`text`). Returns the folder. */
export function save(findings: readonly Finding[], seed: number): string {
  mkdirSync(FOLDER, { recursive: true });
  for (const [n, { attack, wrong, seed: own, input }] of findings.entries()) {
    const content = {
      ...{ attack, wrong, run_seed: seed, input_seed: own },
      base64: input.map((piece) => piece.toString('base64')),
      text: input.map((piece) => piece.toString('latin1')),
    };
    writeFileSync(join(FOLDER, `${seed}-${attack}-${n + 1}.json`), `${JSON.stringify(content, null, 2)}\n`);
  }
  return FOLDER;
}
