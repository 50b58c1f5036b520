import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { resultsMarkdown, sectionMarkdown } from '../report/markdown.js';
import { chartSvg } from '../report/chart.js';
import type { FigureInfo, Run, ScenarioResult } from '../report/result.js';
import { readResults } from '../report/stored.js';
import { figureText } from '../report/tables.js';
import { print } from '../report/text.js';
import type { Scenario } from '../scenarios/scenario.js';
import { missingSubject, type SubjectName } from '../scenarios/subjects.js';
import type { BenchOptions } from './cli.js';
import { createBenchProgress } from './progress.js';
import { planScenario, runScenario, runsOf, type Planned } from './scenario-run.js';

/** bench/ of the sources: this runs from dist/. */
const FOLDER = fileURLToPath(new URL('../../../bench', import.meta.url));
const RESULTS = join(FOLDER, 'results');

/**
 * Runs scenarios, prints what came out and writes it down, in this order of all scenarios. Resolves with the exit code.
 */
export async function runBench(
  scenarios: readonly Scenario[],
  options: BenchOptions,
  order: readonly string[],
): Promise<number> {
  const missing = await findMissing(scenarios, options);
  const planned = scenarios.map((scenario) => planScenario(scenario, options, missing));
  const progress = createBenchProgress(
    process.stderr,
    planned.reduce((sum, one) => sum + runsOf(one), 0),
  );
  const begun = performance.now();
  let failures = 0;
  for (const [name, reason] of missing) progress.tell(`skipped: ${name}: ${reason}`);
  for (const one of planned) {
    if (one.blocks.length === 0 && one.skipped.length === 0) {
      progress.tell(`${one.scenario.name}: nothing to do for ${(options.targets ?? []).join(', ')}`);
      continue;
    }
    const result = await runScenario(one, options, {
      begins: (turn) => progress.begins(turnText(one, turn)),
      ends: (turn, run, error) => {
        progress.ends(turnText(one, turn), run ? outcomeText(run, one.scenario.figures) : `FAILED: ${error}`);
        if (!run) failures++;
      },
    });
    progress.hide();
    print(`\n${sectionMarkdown(result, { chart: false })}`);
    if (options.write) write(result, order);
  }
  progress.hide();
  const seconds = Math.round((performance.now() - begun) / 1000);
  progress.tell(
    `${Math.floor(seconds / 60)} min ${seconds % 60} s${options.write ? '; written: bench/RESULTS.md, bench/results/' : ''}`,
  );
  if (failures > 0) progress.tell(`bench: ${failures} ${failures === 1 ? 'run' : 'runs'} failed, see above`);
  return failures === 0 ? 0 : 1;
}

/** Asked once, as the answer may take a while. */
async function findMissing(
  scenarios: readonly Scenario[],
  { long, targets, seconds }: BenchOptions,
): Promise<Map<SubjectName, string>> {
  const cells = scenarios.flatMap((scenario) =>
    scenario.blocks({ long, seconds: seconds ?? scenario.short.seconds }).flatMap((block) => block.cells),
  );
  const names = new Set(cells.map(({ target }) => target).filter((name) => targets?.includes(name) ?? true));
  const missing = new Map<SubjectName, string>();
  for (const name of names) {
    const reason = await missingSubject(name);
    if (reason !== null) missing.set(name, reason);
  }
  return missing;
}

function turnText(
  { scenario, rounds }: Planned,
  { cell, round }: { cell: { variant: string; target: string }; round: number },
): string {
  return `${scenario.name}, ${cell.variant}, ${cell.target}, round ${round}/${rounds}`;
}

function outcomeText(run: Run, figures: readonly FigureInfo[]): string {
  const shown = figures.flatMap((figure) => {
    const value = run.figures[figure.key];
    return value === undefined ? [] : [`${figureText(value, figure)} ${figure.title}`];
  });
  const cpu = run.cpu
    ? [`CPU server ${run.cpu.server.toFixed(2)}, generator ${run.cpu.generator?.toFixed(2) ?? '?'}`]
    : [];
  return [...shown.slice(0, 4), ...cpu, ...run.faults.map((fault) => `FAULT: ${fault}`)].join(' · ');
}

/** The result and its chart, and all results anew. */
function write(result: ScenarioResult, order: readonly string[]): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${result.scenario}.json`), `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(join(RESULTS, `${result.scenario}.svg`), chartSvg(result));
  writeFileSync(join(FOLDER, 'RESULTS.md'), resultsMarkdown(readResults(RESULTS), order));
}
