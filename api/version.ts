import { readFileSync } from 'node:fs';

interface Package {
  readonly version: string;
}

const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');

/** The version of this Parlor, as package.json says. */
export const { version: VERSION } = JSON.parse(text) as Package;
