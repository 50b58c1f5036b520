/** An advisory that is known and accepted, as it stands in audit-allowed.json. */
export interface AllowedAdvisory {
  /** Of GitHub's database: GHSA-…. */
  readonly id: string;
  readonly package: string;
  /** Why it does no harm here. */
  readonly why: string;
  /** The last day on which it is accepted, such as 2027-01-31. */
  readonly until: string;
}

interface Advisory {
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly severity: string;
}

/** What is needed of the report of `npm audit --json`. Of `via`, texts are names of other packages in the report. */
interface Report {
  readonly auditReportVersion: 2;
  readonly vulnerabilities: Readonly<Record<string, { readonly via: readonly (string | Advisory)[] }>>;
}

export interface Verdict {
  /** What has to be mended: empty if nothing has. */
  readonly faults: readonly string[];
  /** What is accepted, and what need not be any more. */
  readonly notes: readonly string[];
}

const SERIOUS: ReadonlySet<string> = new Set(['high', 'critical']);

/**
 * Judges a report of npm by the list of what is accepted; `today` such as 2026-11-29. Throws an Error of one line if it is no
 * report, as when the registry could not be reached.
 */
export function judgeAudit(report: unknown, allowed: readonly AllowedAdvisory[], today: string): Verdict {
  if (!isReport(report)) throw new Error(`npm audit gave no report: ${reasonIn(report)}`);
  const advisories = new Map<string, Advisory>();
  for (const { via } of Object.values(report.vulnerabilities))
    for (const one of via)
      if (typeof one !== 'string' && SERIOUS.has(one.severity)) advisories.set(`${one.name} ${one.url}`, one);
  const faults: string[] = [];
  const notes: string[] = [];
  const used = new Set<AllowedAdvisory>();
  for (const { name, title, url, severity } of advisories.values()) {
    const known = allowed.find((one) => one.package === name && url.endsWith(`/${one.id}`));
    if (known) used.add(known);
    const line = `${severity}: ${name}: ${title} (${url})`;
    if (known === undefined) faults.push(line);
    else if (known.until < today) faults.push(`${line}: was accepted until ${known.until}`);
    else notes.push(`${line}: accepted until ${known.until}: ${known.why}`);
  }
  for (const one of allowed)
    if (!used.has(one))
      notes.push(`${one.id} of ${one.package} is not reported any more: take it out of audit-allowed.json`);
  return { faults, notes };
}

function isReport(value: unknown): value is Report {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Partial<Report>).auditReportVersion === 2 &&
    typeof (value as Partial<Report>).vulnerabilities === 'object'
  );
}

function reasonIn(value: unknown): string {
  const { message, error } = (value ?? {}) as { message?: unknown; error?: { summary?: unknown } };
  for (const reason of [message, error?.summary])
    if (typeof reason === 'string' && reason !== '') return reason.replaceAll(/\s+/g, ' ');
  return 'it says nothing that is known';
}
