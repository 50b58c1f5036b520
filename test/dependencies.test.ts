import { readFileSync } from 'node:fs';
import t from 'tap';
import type { AllowedAdvisory } from './support/audit.js';
import { isAllowedLicence } from './support/licences.js';

interface Locked {
  readonly license?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
const REGISTRY = 'https://registry.npmjs.org/';
/** All but this project itself. */
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

const nameOf = (path: string): string =>
  path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** Packages whose licence is not in the lockfile, or is another one; none of them is in what is deployed. */
const LOOKED_UP: Readonly<Record<string, string>> = {
  'axe-core': 'MPL-2.0: it looks at the page in tests, and is changed nowhere',
  'jsonc-simple-parser': 'MIT, by its file license',
  'spdx-exceptions': 'CC-BY-3.0: a list of names, used by lint only',
};

t.test('each dependency has a licence that asks for no more than to be named', async (t) => {
  t.ok(packages.length > 100);
  const others = packages.filter(([, { license = '' }]) => !isAllowedLicence(license));
  // MPL-2.0: Vite writes styles with it; nothing of it is in them. It has a package for each system.
  const known = others.map(([path]) => nameOf(path)).filter((name) => !/^lightningcss(-|$)/.test(name));
  t.same(known.sort(), Object.keys(LOOKED_UP).sort());
  t.ok(isAllowedLicence('(WTFPL OR MIT)'));
  t.ok(isAllowedLicence('(MIT AND Zlib)'));
  for (const no of ['', 'GPL-3.0', 'MIT AND GPL-3.0', '(GPL-2.0 OR LGPL-3.0)', 'UNLICENSED', 'SEE LICENSE'])
    t.notOk(isAllowedLicence(no), no);
});

t.test('no dependency runs a script when it is installed, and none could', async (t) => {
  const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript);
  t.same(
    scripted.map(([path]) => path),
    [],
  );
  t.match(readFileSync('.npmrc', 'utf8'), /^ignore-scripts=true$/m);
  t.match(readFileSync('Dockerfile', 'utf8'), /^COPY .*\.npmrc/m, 'in the image neither');
});

t.test('each dependency is the one that was locked, from npm’s registry', async (t) => {
  const unlocked = packages.filter(([, { integrity = '' }]) => !/^sha512-/.test(integrity));
  // Without `resolved` it is the registry.
  const elsewhere = packages.filter(([, { resolved = REGISTRY }]) => !resolved.startsWith(REGISTRY));
  t.same(
    [...unlocked, ...elsewhere].map(([path]) => path),
    [],
  );
});

t.test('what is accepted of the advisories says why, and until when', async (t) => {
  const allowed = JSON.parse(readFileSync('audit-allowed.json', 'utf8')) as AllowedAdvisory[];
  for (const { id, package: name, why, until } of allowed) {
    t.match(id, /^GHSA(-[a-z0-9]{4}){3}$/);
    t.ok(
      packages.some(([path]) => nameOf(path) === name),
      name,
    );
    t.ok(why.length > 20, 'a reason');
    t.match(until, /^\d{4}-\d\d-\d\d$/);
  }
});
