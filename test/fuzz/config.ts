import { join } from 'node:path';
import { readConfig, servingFault, Settings } from '../../api/config.js';
import { runParlor, startParlor, type Env } from '../support/parlor.js';
import { inside, type Attack, type Attempt } from './attack.js';
import { anyJson, anyText, type Chance } from './chance.js';

/** Starting the program takes half a second, so most settings are read in this process. */
const BY_PROGRAM = 0.02;
/** Settings that would reach beyond this machine, or wait for servers that are not there. */
const KEPT: ReadonlySet<string> = new Set([
  'HOST',
  'BROKER',
  'AMQP_URL',
  'DATABASE_URL',
  'STORE',
  'WORKERS',
  'SQLITE_PATH',
  'PORT',
  'METRICS_PORT',
  'ROLE',
]);

type Field = {
  readonly enum?: readonly string[];
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
};

/** A value for a setting: one that fits, one just outside, or anything. The environment holds no NUL. */
function valueOf(chance: Chance, name: string, field: Field): string {
  if (chance.yes(0.15)) return anyText(chance).toWellFormed().replaceAll('\0', '');
  if (field.enum) return chance.pick([...field.enum, 'other']);
  const { minimum = 0, maximum = 0 } = field;
  if (field.type === 'integer')
    return String(
      chance.pick([
        minimum - 1,
        minimum,
        minimum + 1,
        maximum,
        maximum + 1,
        '1e3',
        ' 7 ',
        '0x10',
        '1.5',
        '07',
      ]),
    );
  if (name === 'ROOM_PRESETS')
    return chance.pick(['{}', '{"":{"capacity":1}}', '{"a":{"x":1}}', '[]', anyJson(chance)]).toWellFormed();
  return chance.pick([
    '*',
    'https://chat.example',
    'a,b',
    ',',
    'http://[',
    'amqp://x',
    'postgres://x',
    'x y',
    '/dev/null/x',
    'ftp://x',
  ]);
}

function envOf(chance: Chance, names: readonly string[]): Env {
  const fields = Settings.properties as Readonly<Record<string, Field>>;
  return Object.fromEntries(
    names
      .filter(() => chance.yes(3 / names.length))
      .map((name) => [name, valueOf(chance, name, fields[name] ?? {})]),
  );
}

/** What is wrong with a text that refuses settings: one line that names a setting, perhaps one that is missing. */
function faultOfRefusal(text: string): string | null {
  const line = text.trim();
  if (line.includes('\n')) return `it is more than one line: ${JSON.stringify(line.slice(0, 500))}`;
  if (!Object.keys(Settings.properties).some((name) => line.includes(name)))
    return `it names no setting: ${line.slice(0, 300)}`;
  return inside(line);
}

function here(env: Env): Omit<Attempt, 'input'> {
  try {
    readConfig(env);
    return { came: 'taken', wrong: null };
  } catch (cause) {
    if (!(cause instanceof Error)) return { came: 'an error', wrong: String(cause) };
    return { came: 'refused', wrong: faultOfRefusal(cause.message) };
  }
}

/** What a program said that has ended with 1, as where a file that a setting names cannot be read. */
function notStarted(cause: unknown): string {
  const said = cause instanceof Error ? /^Parlor ended with 1: ([^]*)$/.exec(cause.message)?.[1] : undefined;
  if (said === undefined) throw cause;
  return said;
}

async function byProgram(env: Env): Promise<Omit<Attempt, 'input'>> {
  let isRight: boolean;
  try {
    isRight = servingFault(readConfig(env)) === null;
  } catch {
    isRight = false;
  }
  if (!isRight) {
    const { code, stderr } = await runParlor({ PORT: '0', ...env });
    if (code !== 1 && code !== 2)
      return { came: 'program: no end', wrong: `exit code ${String(code)}: ${stderr.slice(0, 500)}` };
    return { came: `program: ${code}`, wrong: faultOfRefusal(stderr) };
  }
  // A program that listens says so in its log.
  const started = await startParlor({
    ...env,
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'json',
    DRAIN_DELAY_MS: '0',
    DRAIN_MS: '1000',
  }).catch((cause: unknown) => notStarted(cause));
  if (typeof started === 'string')
    return { came: 'program: could not start', wrong: faultOfRefusal(started) };
  const code = await started.end();
  const shown = inside(started.stderr());
  return {
    came: 'program: started',
    wrong: code === 0 ? shown : `it ended with ${String(code)}: ${started.stderr().slice(0, 500)}`,
  };
}

/** Settings in the environment: with each the program starts, or ends with a line that says why not. */
export function configAttack(folder: string, lanes: number): Attack {
  const all = Object.keys(Settings.properties);
  return {
    name: 'config',
    lanes,
    async attempt(chance) {
      const isProgram = chance.yes(BY_PROGRAM);
      const env = isProgram
        ? {
            ...envOf(
              chance,
              all.filter((name) => !KEPT.has(name)),
            ),
            SQLITE_PATH: join(folder, 'config.db'),
          }
        : envOf(chance, all);
      const came = isProgram ? await byProgram(env) : here(env);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { input: [Buffer.from(JSON.stringify(env))], ...came };
    },
  };
}
