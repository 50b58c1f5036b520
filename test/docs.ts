/**
 * Writes what is generated from the schema of the settings: sample.env, and the table between the two markers in
 * docs/configuration.md. `node dist/test/docs.js --check` writes nothing and fails if either is out of date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Settings } from '../api/config.js';
import { intoPage, sampleEnv, settingsTable } from './support/settings-docs.js';

const checking = process.argv.includes('--check');
const PAGE = 'docs/configuration.md';
const wanted = new Map([
  ['sample.env', sampleEnv(Settings)],
  [PAGE, intoPage(readFileSync(PAGE, 'utf8'), settingsTable(Settings))],
]);

for (const [file, text] of wanted) {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  if (checking) {
    process.stderr.write(`${file} does not agree with the settings in api/config.ts: run make fmt\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, text);
    process.stdout.write(`${file} written\n`);
  }
}
