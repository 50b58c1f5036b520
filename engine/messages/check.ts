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

/** One line for all faults of a value, whatever its fields are called. */
export function faultLine(faults: readonly Fault[]): string {
  return faults
    .map(({ path, message }) => `${path === '' ? 'it' : escaped(path.slice(1))}: ${message}`)
    .join('; ');
}

/** A text with control characters and line ends written as in JSON: `\u000a`. */
function escaped(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function inWords(error: ValueError): string {
  const { schema, value, type } = error;
  if (type === ValueErrorType.ObjectAdditionalProperties) {
    return `is not a known field; known are ${Object.keys((schema['properties'] ?? {}) as object).join(', ')}`;
  }
  if (type === ValueErrorType.ObjectRequiredProperty) return 'is missing';
  if (type === ValueErrorType.StringFormat && typeof value === 'string')
    return formatFault(schema, value) ?? error.message;
  if (type === ValueErrorType.StringPattern && typeof schema['description'] === 'string') {
    return `must be ${schema['description']}`;
  }
  const choices: unknown = schema['anyOf'];
  if (type === ValueErrorType.Union && Array.isArray(choices)) {
    // A text or null: what is wrong with the text says more than that it is neither.
    const fault =
      typeof value === 'string' ? formatFault((choices as TSchema[]).find(isFormatted), value) : null;
    if (fault !== null) return fault;
    const names = choices.map((one: TSchema) => JSON.stringify(one['const'] ?? one['type'] ?? 'other'));
    return `must be one of ${names.join(', ')}`;
  }
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}

function isFormatted({ format }: TSchema): boolean {
  return format !== undefined;
}

function formatFault(schema: TSchema | undefined, value: string): string | null {
  const format: unknown = schema?.['format'];
  return typeof format === 'string' ? (FORMAT_RULES[format]?.(value) ?? null) : null;
}
