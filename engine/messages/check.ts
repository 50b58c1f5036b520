import type { TSchema } from '@sinclair/typebox';
import { TypeCompiler, ValueErrorType, type TypeCheck, type ValueError } from '@sinclair/typebox/compiler';
import { FORMAT_RULES } from './fields.js';

export interface Fault {
  /** JSON pointer of the value (RFC 6901); "" is the whole. */
  readonly path: string;
  readonly message: string;
}

/**
 * A checker for a schema. It returns null when a value fits, else at most `most` faults, in words that say
 * what would be right.
 */
export function checker(schema: TSchema, most = 5): (value: unknown) => Fault[] | null {
  const compiled: TypeCheck<TSchema> = TypeCompiler.Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return null;
    const faults: Fault[] = [];
    for (const error of compiled.Errors(value)) {
      if (faults.some(({ path }) => path === error.path)) continue;
      faults.push({ path: error.path, message: inWords(error) });
      if (faults.length >= most) break;
    }
    return faults;
  };
}

/** One line for all faults of a value. */
export function faultLine(faults: readonly Fault[]): string {
  return faults.map(({ path, message }) => `${path === '' ? 'it' : path.slice(1)}: ${message}`).join('; ');
}

function inWords(error: ValueError): string {
  const { schema, value, type } = error;
  if (type === ValueErrorType.ObjectAdditionalProperties) {
    return `is not a known field; known are ${Object.keys((schema['properties'] ?? {}) as object).join(', ')}`;
  }
  if (type === ValueErrorType.ObjectRequiredProperty) return 'is missing';
  const format: unknown = schema['format'];
  if (type === ValueErrorType.StringFormat && typeof format === 'string' && typeof value === 'string') {
    return FORMAT_RULES[format]?.(value) ?? error.message;
  }
  if (type === ValueErrorType.StringPattern && typeof schema['description'] === 'string') {
    return `must be ${schema['description']}`;
  }
  const choices: unknown = schema['anyOf'];
  if (type === ValueErrorType.Union && Array.isArray(choices)) {
    const names = choices.map((one: TSchema) => JSON.stringify(one['const'] ?? one['type'] ?? 'other'));
    return `must be one of ${names.join(', ')}`;
  }
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}
