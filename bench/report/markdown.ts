import { goalText, valueText, verdictText } from './compare.js';
import type { CellResult, Machine, ScenarioResult } from './result.js';
import { comparedOf, comparisonsTable, escapeCell, figuresTable, spreadText } from './tables.js';
import { table } from './text.js';

/** More of them would bury the rest. */
const FAULTS_SHOWN = 8;

/** RESULTS.md, wholly, from all results that there are, in this order; those it does not name come last. */
export function resultsMarkdown(results: readonly ScenarioResult[], order: readonly string[] = []): string {
  const place = ({ scenario }: ScenarioResult): number =>
    order.includes(scenario) ? order.indexOf(scenario) : order.length;
  const sorted = [...results].sort((a, b) => place(a) - place(b) || a.scenario.localeCompare(b.scenario));
  return `${[
    '# Results of the benchmark',
    'Written by `make bench` from `bench/results/*.json`; what is changed here by hand is lost at the next run.',
    'The targets of a table took turns, each time with a fresh server, on the same machine and under the same load generator. ' +
      'Figures are medians over the rounds, with the lowest and the highest in brackets; ratios are taken round by round. ' +
      'CPU is in seconds a second, within the measured window: it tells who was the bottleneck.',
    ...machinesMarkdown(sorted),
    '## Goals',
    goalsMarkdown(sorted),
    '## Targets',
    targetsMarkdown(sorted),
    ...sorted.map((result) => sectionMarkdown(result, { chart: true })),
  ].join('\n\n')}\n`;
}

/** A machine is named once where all results are from the same one, else by the section. */
function machinesMarkdown(results: readonly ScenarioResult[]): string[] {
  const machines = [...new Set(results.map(({ machine }) => machineText(machine)))];
  if (machines.length === 0) return ['There are no results yet.'];
  return [
    machines.length === 1
      ? `Machine: ${machines[0]}.`
      : `Measured on ${machines.length} machines or versions of Node: see each section.`,
  ];
}

function machineText({ cpu, cores, memoryGiB, system, node }: Machine): string {
  return `${cores} × ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node.replace(/^v/, '')}`;
}

function goalsMarkdown(results: readonly ScenarioResult[]): string {
  const rows = results.flatMap((result) =>
    comparedOf(result)
      .filter(({ verdict }) => verdict !== 'no goal')
      .map((compared) => [
        `[${result.scenario}](#${result.scenario})`,
        compared.comparison.title,
        goalText(compared.comparison),
        spreadText(compared.spread, (value) => valueText(value, compared.comparison)),
        verdictText(compared),
        `\`${result.command}\`${result.mode === 'short' ? ' (short)' : ''}`,
      ]),
  );
  const head = ['scenario', 'what', 'goal', 'measured', 'reached?', 'command'];
  return table(
    head,
    rows.map((row) => row.map(escapeCell)),
    2,
  );
}

function targetsMarkdown(results: readonly ScenarioResult[]): string {
  const targets = new Map<string, string>();
  for (const { versions, settings } of results)
    for (const [name, version] of Object.entries(versions))
      targets.set(name, `- \`${name}\`: ${version}; ${settings[name] ?? ''}`);
  return [...targets.values()].join('\n');
}

/** What one scenario showed: its command, chart, tables, and everything that went wrong. */
export function sectionMarkdown(result: ScenarioResult, options: { readonly chart: boolean }): string {
  const { scenario, title, about, mode, command, date, commit, machine, rounds, seconds, chart } = result;
  const version = mode === 'short' ? 'the **short** version' : 'the long version';
  const length = seconds >= 1 ? ` of ${seconds} s` : '';
  const compared = comparedOf(result);
  return [
    ...(options.chart ? [`<a id="${scenario}"></a>`] : []),
    `## ${title} (${scenario})`,
    about,
    `\`${command}\`: ${version}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}${length}, ${date.slice(0, 16).replace('T', ' ')} UTC` +
      `${commit === null ? '' : `, commit ${commit}`}; ${machineText(machine)}.`,
    ...(options.chart && result.cells.length > 0 ? [`![${chart.title}](results/${scenario}.svg)`] : []),
    ...(result.cells.length > 0 ? [figuresTable(result)] : []),
    ...(compared.length > 0 ? [comparisonsTable(compared)] : []),
    ...wrongMarkdown(result),
  ].join('\n\n');
}

/** From here on somebody else has had a part in the figures, CPU seconds a second. */
const DISTURBED = 0.2;

function wrongMarkdown({ skipped, failed, cells }: ScenarioResult): string[] {
  const faults = cells.flatMap(faultsOfCell);
  const others = Math.max(0, ...cells.flatMap(({ runs }) => runs.map((run) => run?.cpu?.others ?? 0)));
  return [
    ...(others >= DISTURBED
      ? [
          `**Disturbed:** something else on the machine used up to ${others.toFixed(2)} CPU meanwhile; run it again when nothing does.`,
        ]
      : []),
    ...(faults.length > 0 ? [`**Faults** (none is expected):\n\n${listOf(faults)}`] : []),
    ...(failed.length > 0 ? [`**Failed runs:**\n\n${listOf(failed)}`] : []),
    ...(skipped.length > 0 ? [`Left out:\n\n${listOf(skipped)}`] : []),
  ];
}

function faultsOfCell({ variant, target, runs }: CellResult): string[] {
  return runs.flatMap((run, index) =>
    (run?.faults ?? []).map((fault) => `${target}, ${variant}, round ${index + 1}: ${fault}`),
  );
}

function listOf(lines: readonly string[]): string {
  const more = lines.length - FAULTS_SHOWN;
  return [
    ...lines.slice(0, FAULTS_SHOWN).map((line) => `- ${line.replaceAll('\n', ' ')}`),
    ...(more > 0 ? [`- and ${more} more, in the JSON file`] : []),
  ].join('\n');
}
