import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ScenarioResult } from './result.js';

/** All results that were written into this folder. Rejects a file that is none, by its name. */
export function readResults(folder: string): ScenarioResult[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => {
      const path = join(folder, name);
      try {
        return JSON.parse(readFileSync(path, 'utf8')) as ScenarioResult;
      } catch (cause) {
        throw new Error(`${path} is no result; delete it and run its scenario again`, { cause });
      }
    });
}
