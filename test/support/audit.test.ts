import t from 'tap';
import { judgeAudit, type AllowedAdvisory } from './audit.js';

const TODAY = '2026-11-29';

function advisory(name: string, severity: string, id: string) {
  const url = `https://github.com/advisories/${id}`;
  return {
    source: 1,
    name,
    dependency: name,
    title: `${name} may be stopped`,
    url,
    severity,
    range: '<3.0.3',
  };
}

/** As npm 11 reports it: a package with an advisory, one that depends on it, and one that is not serious. */
const REPORT = {
  auditReportVersion: 2,
  vulnerabilities: {
    braces: {
      name: 'braces',
      severity: 'high',
      isDirect: false,
      via: [advisory('braces', 'high', 'GHSA-grv7-fg5c-xmjg')],
      effects: ['micromatch'],
      range: '<3.0.3',
      nodes: ['node_modules/braces'],
      fixAvailable: true,
    },
    micromatch: { name: 'micromatch', severity: 'high', via: ['braces'], effects: [] },
    cookie: { name: 'cookie', severity: 'low', via: [advisory('cookie', 'low', 'GHSA-pxg6-pf52-xh8x')] },
  },
  metadata: { vulnerabilities: { info: 0, low: 1, moderate: 0, high: 2, critical: 0, total: 3 } },
};

const KNOWN: AllowedAdvisory = {
  id: 'GHSA-grv7-fg5c-xmjg',
  package: 'braces',
  why: 'only lint has it, and it reads our own files',
  until: '2026-12-31',
};

t.test('what is serious has to be mended, once for all who depend on it', async (t) => {
  const { faults, notes } = judgeAudit(REPORT, [], TODAY);
  t.match(faults, [/^high: braces: .*GHSA-grv7-fg5c-xmjg/]);
  t.equal(faults.length, 1);
  t.same(notes, []);
  const critical = { x: { via: [advisory('x', 'critical', 'GHSA-aaaa-bbbb-cccc')] } };
  t.equal(judgeAudit({ ...REPORT, vulnerabilities: critical }, [], TODAY).faults.length, 1);
  t.same(judgeAudit({ ...REPORT, vulnerabilities: {} }, [], TODAY), { faults: [], notes: [] });
});

t.test('what is accepted is shown with the reason, until its last day', async (t) => {
  t.match(judgeAudit(REPORT, [KNOWN], TODAY), {
    faults: [],
    notes: [/accepted until 2026-12-31: only lint/],
  });
  t.same(judgeAudit(REPORT, [KNOWN], KNOWN.until).faults, []);
  t.match(judgeAudit(REPORT, [KNOWN], '2027-01-01').faults, [/was accepted until 2026-12-31/]);
});

t.test('an advisory is accepted for its package only, and one that is gone is to be taken out', async (t) => {
  const other = { ...KNOWN, package: 'micromatch' };
  const { faults, notes } = judgeAudit(REPORT, [other], TODAY);
  t.equal(faults.length, 1);
  t.match(notes, [/GHSA-grv7-fg5c-xmjg of micromatch is not reported any more/]);
});

t.test('no report is no clean bill', async (t) => {
  // What npm prints where the registry has no audits.
  const refused = {
    message: '405 Method Not Allowed - POST https://registry.npmjs.org/-/npm/v1/security/advisories/bulk',
    statusCode: 405,
    error: { summary: '', detail: '' },
  };
  t.throws(() => judgeAudit(refused, [], TODAY), {
    message: /^npm audit gave no report: 405 Method Not Allowed/,
  });
  const summary = { error: { code: 'ENOTFOUND', summary: 'no such\nhost' } };
  t.throws(() => judgeAudit(summary, [], TODAY), { message: /: no such host$/ });
  for (const value of [null, {}, [], 7, { ...REPORT, auditReportVersion: 1 }])
    t.throws(() => judgeAudit(value, [], TODAY), { message: /^npm audit gave no report/ });
});
