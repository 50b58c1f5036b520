import type { TSchema } from '@sinclair/typebox';
import { idOf, idOfKey } from '../text/message-ids.js';
import { nameOf } from '../text/names.js';

/** Of values that may be spelled in several ways, by format: the one way in which they are compared and kept. */
const SPELLINGS: Readonly<Record<string, (value: string) => string>> = {
  'user-name': nameOf,
  uuid: idOf,
  'idempotency-key': idOfKey,
};

/**
 * Makes what gives names and ids of an object their one spelling. It is for values that fit their schema, looks at the
 * object's own fields only, and gives back the same object where nothing changes.
 */
export function speller(schema: TSchema): <T>(value: T) => T {
  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, TSchema>).flatMap(
    ([name, field]) => {
      const format = formatOf(field);
      const spell = format === undefined ? undefined : SPELLINGS[format];
      return spell ? [{ name, spell }] : [];
    },
  );
  return (value) => {
    let result = value;
    for (const { name, spell } of fields) {
      const given = (result as Readonly<Record<string, unknown>>)[name];
      if (typeof given !== 'string') continue;
      const spelled = spell(given);
      if (spelled !== given) result = { ...result, [name]: spelled };
    }
    return result;
  };
}

/** The format of a field, also of one that may be null. */
function formatOf(field: TSchema): string | undefined {
  const choices = (field['anyOf'] ?? [field]) as readonly TSchema[];
  return choices.map(({ format }) => format as unknown).find((format) => typeof format === 'string');
}
