/**
 * RFC 9110 sections 8.3.1 and 5.6.6: names and the charset are compared without case, white space may stand around
 * semicolons only, and a value may be quoted.
 */
const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;

/** What nearly all clients send. */
const USUAL: ReadonlySet<string> = new Set(['application/json', 'application/json; charset=utf-8']);

/** Whether a Content-Type is JSON with no parameter, or only with charset=utf-8. */
export function isPlainJson(type: string | undefined): boolean {
  return type !== undefined && (USUAL.has(type) || JSON_TYPE.test(type));
}
