/**
 * `make audit`: asks npm's registry what is known against the dependencies. An advisory of severity high or critical fails it,
 * unless audit-allowed.json names it, with `id`, `package`, `why` and `until`. Exit code 0: nothing to mend; 1: something, or the
 * registry did not answer.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { judgeAudit, type AllowedAdvisory } from './support/audit.js';

/** The registry's answer has to come within this time, ms. */
const PATIENCE_MS = 120_000;

process.exitCode = audit();

function audit(): number {
  const allowed = JSON.parse(readFileSync('audit-allowed.json', 'utf8')) as AllowedAdvisory[];
  // Its exit code is 1 both if it has found something and if it could not ask.
  const { stdout, stderr } = spawnSync('npm', ['audit', '--json'], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  });
  try {
    const report: unknown = stdout.trim() === '' ? { message: stderr.trim() } : JSON.parse(stdout);
    const { faults, notes } = judgeAudit(report, allowed, new Date().toISOString().slice(0, 10));
    for (const line of [...notes, ...faults]) process.stdout.write(`${line}\n`);
    process.stdout.write(`${faults.length} to mend, ${notes.length} noted\n`);
    return faults.length === 0 ? 0 : 1;
  } catch (cause) {
    process.stderr.write(`audit: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return 1;
  }
}
