import type { Parlor } from '../../support/parlor.js';
import type { Schema } from './json-schema.js';

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly headers?: Readonly<Record<string, unknown>>;
        readonly content?: Content;
      }
    >
  >;
}

export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** The document that a server gives, with what a reference is to in place of each reference. */
export async function readOpenApi(parlor: Parlor): Promise<OpenApi> {
  const document = (await (await parlor.get('/api/openapi.json')).json()) as OpenApi;
  const { schemas } = document.components;

  function whole(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(whole);
    if (typeof value !== 'object' || value === null) return value;
    const ref = (value as { $ref?: unknown }).$ref;
    if (typeof ref !== 'string')
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, whole(one)]));
    const model = schemas[ref.replace('#/components/schemas/', '')];
    if (model === undefined) throw new Error(`the document refers to ${ref}, which it does not have`);
    return whole(model);
  }
  return whole(document) as OpenApi;
}
