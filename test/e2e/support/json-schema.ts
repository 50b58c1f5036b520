/**
 * What is wrong with a value by a JSON Schema of a document, or null. Knows the words that our documents use and
 * throws at others, so that none is passed over. `format` and `examples` say nothing about whether a value fits here.
 */
export type Schema = Readonly<Record<string, unknown>>;

type Check = (value: unknown, rule: never, schema: Schema) => string | null;

const CHECKS: Readonly<Record<string, Check>> = {
  type: (value, type: string) => (typeName(value, type) ? null : `is no ${type}`),
  const: (value, wanted: unknown) => (value === wanted ? null : `is not ${JSON.stringify(wanted)}`),
  enum: (value, names: unknown[]) => (names.includes(value) ? null : `is none of ${JSON.stringify(names)}`),
  pattern: (value, pattern: string) =>
    typeof value === 'string' && new RegExp(pattern, 'u').test(value) ? null : `does not match ${pattern}`,
  minimum: (value, least: number) => (Number(value) >= least ? null : `is less than ${least}`),
  maximum: (value, most: number) => (Number(value) <= most ? null : `is more than ${most}`),
  minLength: (value, least: number) =>
    Array.from(String(value)).length >= least ? null : `is shorter than ${least}`,
  maxLength: (value, most: number) =>
    Array.from(String(value)).length <= most ? null : `is longer than ${most}`,
  required: (value, names: string[]) => {
    if (!isObject(value)) return null;
    const missing = names.filter((name) => !Object.hasOwn(value, name));
    return missing.length === 0 ? null : `lacks ${missing.join(', ')}`;
  },
  properties: (value, properties: Readonly<Record<string, Schema>>) =>
    isObject(value) ? firstFault(Object.entries(value), (name) => properties[name] ?? null) : null,
  minProperties: (value, least: number) =>
    isObject(value) && Object.keys(value).length < least ? `has less than ${least} fields` : null,
  additionalProperties: (value, allowed: boolean, schema) => {
    if (!isObject(value)) return null;
    const known = Object.keys((schema['properties'] ?? {}) as object);
    const others = allowed ? [] : Object.keys(value).filter((name) => !known.includes(name));
    return others.length === 0 ? null : `has ${others.join(', ')}, which is not described`;
  },
  items: (value, schema: Schema) => firstFault(Object.entries(value as unknown[]), () => schema),
  anyOf: (value, choices: Schema[]) => {
    const faults = choices.map((choice) => schemaFault(choice, value));
    return faults.includes(null) ? null : `fits none of: ${faults.join(' | ')}`;
  },
};
const SILENT = ['description', 'examples', 'format', 'default', 'title'];

export function schemaFault(schema: Schema, value: unknown): string | null {
  for (const [word, rule] of Object.entries(schema)) {
    if (SILENT.includes(word)) continue;
    const check = CHECKS[word];
    if (!check) throw new Error(`this checker does not know “${word}” of JSON Schema`);
    const fault = check(value, rule as never, schema);
    if (fault !== null) return fault;
  }
  return null;
}

/** The words about fields say nothing of what is no object. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstFault(entries: [string, unknown][], schemaOf: (name: string) => Schema | null): string | null {
  for (const [name, value] of entries) {
    const schema = schemaOf(name);
    const fault = schema && schemaFault(schema, value);
    if (fault) return `${name} ${fault}`;
  }
  return null;
}

function typeName(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}
