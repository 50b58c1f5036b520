import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { FastifyInstance } from 'fastify';
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

/**
 * Makes the TypeBox schemas the only validation, and plain JSON what is answered. Parameters and query strings come as text and are converted to
 * what the schema says before they are checked; bodies are taken as they are. Names and ids are given their one spelling.
 */
export function useTypeBox(app: FastifyInstance): void {
  // What goes out was typed on its way; a compiled serializer would check unions again, with formats it does not know.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => {
    const check = checker(schema);
    const spell = speller(schema);
    const isText = httpPart !== 'body' && !isAllText(schema);
    return (given: unknown) => {
      const value = isText ? fromText(schema, given as Readonly<Record<string, unknown>>) : given;
      const faults = check(value);
      return faults ? { error: new ValidationError(httpPart ?? 'request', faults) } : { value: spell(value) };
    };
  });
}

/** Whether everything a schema names is text without a default: then there is nothing to convert. */
function isAllText(schema: TSchema): boolean {
  const properties = Object.values((schema['properties'] ?? {}) as Record<string, TSchema>);
  return properties.every(({ type, default: initial }) => type === 'string' && initial === undefined);
}

/**
 * Values as the schema wants them. Those that are not exactly a whole number stay text: TypeBox would make 1 of 1.5 and 1e9,
 * and of a number beyond 2^53 another one.
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
