import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { FastifyServerOptions } from 'fastify';
import { checker, faultLine, type Fault } from '../engine/messages/check.js';
import { speller } from '../engine/messages/spelling.js';

/** A request that does not fit its schema. */
export class ValidationError extends Error {
  constructor(
    where: string,
    readonly faults: readonly Fault[],
  ) {
    super(`${where}: ${faultLine(faults)}`);
  }
}

type SchemaController = NonNullable<FastifyServerOptions['schemaController']>;
type ValidatorFactory = NonNullable<NonNullable<SchemaController['compilersFactory']>['buildValidator']>;

/**
 * Checks requests with the TypeBox schemas only, and answers with plain JSON. Parameters and query strings are text, and
 * are converted to the schema's types before the check. Bodies are checked as they are. Names and ids are normalized.
 */
export const TYPEBOX: SchemaController = {
  // As an option: Fastify would load its own, a hundred files, before it can be told that they are not used.
  compilersFactory: {
    // The compiler has checked the answers. A compiled serializer would check unions again, with formats it does not know.
    buildSerializer: () => () => JSON.stringify,
    // Fastify's type knows Ajv's schemas only.
    buildValidator: (() => validator) as unknown as ValidatorFactory,
  },
};

function validator({ schema, httpPart }: { readonly schema: unknown; readonly httpPart?: string }) {
  const fitting = schema as TSchema;
  const check = checker(fitting);
  const spell = speller(fitting);
  const isText = httpPart !== 'body' && !isAllText(fitting);
  return (given: unknown) => {
    const value = isText ? fromText(fitting, given as Readonly<Record<string, unknown>>) : given;
    const faults = check(value);
    return faults ? { error: new ValidationError(httpPart ?? 'request', faults) } : { value: spell(value) };
  };
}

/** Whether all fields of a schema are strings without a default: then there is nothing to convert. */
function isAllText(schema: TSchema): boolean {
  const properties = Object.values((schema['properties'] ?? {}) as Record<string, TSchema>);
  return properties.every(({ type, default: initial }) => type === 'string' && initial === undefined);
}

/**
 * Converts text to the schema's types. What is not exactly a whole number stays text: TypeBox would turn 1.5 and 1e9 into
 * 1, and round a number beyond 2^53.
 */
function fromText(schema: TSchema, given: Readonly<Record<string, unknown>>): unknown {
  const converted = Value.Convert(schema, Value.Default(schema, { ...given })) as Record<string, unknown>;
  for (const [name, text] of Object.entries(given)) {
    const number = converted[name];
    if (typeof number === 'number' && !(Number.isSafeInteger(number) && String(number) === text))
      converted[name] = text;
  }
  return converted;
}
