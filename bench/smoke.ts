import type { Load, LoadResult } from './load/load.js';
import { startGenerator } from './load/start.js';
import { circumstances, median, print, thousands } from './report.js';
import { startTarget, type Target, type TargetName } from './targets/target.js';

const PAIRS = Number(process.env['PAIRS'] ?? 3);
const SECONDS = Number(process.env['SECONDS'] ?? 4);
const TARGETS = ['parlor', 'uws-raw'] as const satisfies readonly TargetName[];
type Name = (typeof TARGETS)[number];

interface Scenario {
  readonly name: string;
  readonly rooms: number;
  readonly membersPerRoom: number;
  readonly inFlight: number;
}
const SCENARIOS: readonly Scenario[] = [
  { name: 'one room of 1,000, 64 posts in flight', rooms: 1, membersPerRoom: 1000, inFlight: 64 },
  { name: 'one room of 1,000, one post in flight', rooms: 1, membersPerRoom: 1000, inFlight: 1 },
  { name: '1,000 rooms of two, one post in flight each', rooms: 1000, membersPerRoom: 2, inFlight: 1 },
];
const IDLE: readonly Scenario[] = [
  { name: 'idle, 5,000 in one room', rooms: 1, membersPerRoom: 5000, inFlight: 0 },
  { name: 'idle, 5,000 in rooms of two', rooms: 2500, membersPerRoom: 2, inFlight: 0 },
];

const TEXT = 'A message as people write them in a chat: some words, not many, and a full stop.';
/** Of the bytes of a Parlor `message` frame with this text, so that both servers send as much. */
const RAW_FRAME = JSON.stringify({
  type: 'message',
  id: '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a',
  room_id: 'channel:bench-0',
  seq: 100000,
  user: 'user-100',
  text: TEXT,
  created_at: '2026-01-01T00:00:00.000Z',
});
const PARLOR_POST = JSON.stringify({ type: 'post', text: TEXT });

interface Measured extends LoadResult {
  readonly serverCpu: number;
  readonly idleBytes: number;
}

async function measure(name: Name, scenario: Scenario): Promise<Measured> {
  const target: Target = await startTarget(name, { STORE: 'memory' });
  const load: Load = {
    port: target.port,
    rooms: scenario.rooms,
    membersPerRoom: scenario.membersPerRoom,
    inFlight: scenario.inFlight,
    seconds: scenario.inFlight > 0 ? SECONDS : 0,
    greets: target.greets,
    post: target.greets ? PARLOR_POST : RAW_FRAME,
    messageBytes: 180,
  };
  const before = target.residentBytes();
  const generator = startGenerator('generator', load);
  try {
    await generator.says('ready');
    const idleBytes = (target.residentBytes() - before) / (scenario.rooms * scenario.membersPerRoom);
    const cpu = target.cpuSeconds();
    generator.go();
    const result = JSON.parse(await generator.line()) as LoadResult;
    return { ...result, serverCpu: target.cpuSeconds() - cpu, idleBytes };
  } finally {
    generator.kill();
    await target.stop();
  }
}

async function pairs(scenario: Scenario): Promise<Record<Name, Measured[]>> {
  const runs: Record<Name, Measured[]> = { parlor: [], 'uws-raw': [] };
  for (let i = 0; i < PAIRS; i++) for (const name of TARGETS) runs[name].push(await measure(name, scenario));
  return runs;
}

/**
 * The smoke benchmark: Parlor with its memory store beside nothing but uWebSockets.js, in turns, with the same
 * generator. Prints deliveries a second, the CPU both sides used, and what an idle connection costs.
 */
export async function runSmoke(): Promise<void> {
  print(`${circumstances()}; medians of ${PAIRS} pairs of ${SECONDS} s\n`);
  for (const scenario of SCENARIOS) {
    const runs = await pairs(scenario);
    const rate = (one: Measured): number => one.deliveries / one.seconds;
    print(scenario.name);
    for (const name of TARGETS) {
      const rates = runs[name].map(rate);
      const cpu = median(runs[name].map((one) => one.serverCpu));
      const generatorCpu = median(runs[name].map((one) => one.cpuSeconds));
      print(
        `  ${name.padEnd(10)} ${thousands(median(rates)).padStart(11)} deliveries/s  (${rates.map(thousands).join(', ')}); CPU s: server ${cpu.toFixed(1)} incl. warm-up, generator ${generatorCpu.toFixed(1)}`,
      );
    }
    const ratios = runs.parlor.map((one, i) => rate(one) / rate(runs['uws-raw'][i] ?? one));
    print(`  ratio      ${median(ratios).toFixed(2)}  (${ratios.map((one) => one.toFixed(2)).join(', ')})\n`);
  }
  for (const scenario of IDLE) {
    const runs = await pairs(scenario);
    const bytes = TARGETS.map(
      (name) => `${name} ${thousands(median(runs[name].map((one) => one.idleBytes)))}`,
    );
    print(`${scenario.name}: bytes of RSS per connection: ${bytes.join(', ')}`);
  }
}
