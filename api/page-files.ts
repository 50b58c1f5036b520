import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** A file of the chat page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** Its entity tag, with the quotation marks. */
  readonly etag: string;
}

/** The chat page. `assets` by name: their names change with their content. */
export interface PageFiles {
  readonly index: PageFile;
  readonly assets: ReadonlyMap<string, PageFile>;
}

/** Where `make build` puts it: beside dist/server and dist/api. */
const BUILT = fileURLToPath(new URL('../page', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
};

/** Reads the page into memory; null: it has not been built. `auth` tells it whether to ask for a name or a token. */
export function readPage(auth: 'off' | 'jwt', folder = BUILT): PageFiles | null {
  const index = join(folder, 'index.html');
  if (!existsSync(index)) return null;
  const html = readFileSync(index, 'utf8').replace('data-auth="off"', `data-auth="${auth}"`);
  const assets = readdirSync(join(folder, 'assets')).map((name): [string, PageFile] => [
    name,
    fileOf(name, readFileSync(join(folder, 'assets', name))),
  ]);
  return { index: fileOf('index.html', Buffer.from(html)), assets: new Map(assets) };
}

function fileOf(name: string, body: Buffer): PageFile {
  return {
    type: TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    body,
    gzipped: gzipSync(body, { level: 9 }),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`,
  };
}
