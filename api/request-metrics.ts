import { Counter, Histogram, type Registry } from 'prom-client';

/** Counts one request that was answered with this status after this many ms. */
export type CountRequest = (status: number, ms: number) => void;

/** HTTP requests by method and route, as they are answered. */
export interface RequestMetrics {
  /** Where the requests of one method to one route are counted. `route` is a pattern, never a path; null: there is none. */
  readonly requestsTo: (method: string, route: string | null) => CountRequest;
}

/** For requests without a route and for unknown methods: clients must not be able to create labels. */
const OTHER = 'other';
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);

/** Upper bounds, s: from a post to an idle node up to one that waits for REPLY_TIMEOUT_MS. */
const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/** A count in this file costs 0.1 µs; prom-client's children take 1.2 µs, as each call looks up its labels. */
export function createRequestMetrics(registry: Registry): RequestMetrics {
  const all: RouteTotals[] = [];
  const byMethod = new Map<string, Map<string | null, RouteTotals>>();
  new Counter({
    name: 'parlor_http_requests_total',
    help: 'HTTP requests answered, by method, route and status',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
    collect() {
      for (const { method, route, takeStatuses } of all)
        for (const [status, count] of takeStatuses())
          this.inc({ method, route, status: String(status) }, count);
    },
  });
  new Durations(all, registry);

  function totalsOf(method: string, route: string | null): RouteTotals {
    let routes = byMethod.get(method);
    if (routes === undefined) byMethod.set(method, (routes = new Map<string | null, RouteTotals>()));
    let totals = routes.get(route);
    if (totals === undefined) {
      totals = createTotals(method, route ?? OTHER);
      routes.set(route, totals);
      all.push(totals);
    }
    return totals;
  }
  return {
    requestsTo: (method, route) => totalsOf(METHODS.has(method) ? method : OTHER, route).count,
  };
}

interface RouteTotals {
  readonly method: string;
  readonly route: string;
  readonly count: CountRequest;
  /** How often each status was answered since the last call. */
  readonly takeStatuses: () => Iterable<[status: number, count: number]>;
  /** Requests by the first of BUCKETS that is not shorter than they took. The last number: those longer than all. */
  readonly inBuckets: readonly number[];
  readonly seconds: () => number;
}

function createTotals(method: string, route: string): RouteTotals {
  let statuses = new Map<number, number>();
  const inBuckets = [...BUCKETS, Infinity].map(() => 0);
  let total = 0;
  return {
    method,
    route,
    inBuckets,
    count(status, ms) {
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const seconds = ms / 1_000;
      total += seconds;
      let bucket = 0;
      while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] ?? Infinity)) bucket++;
      inBuckets[bucket] = (inBuckets[bucket] ?? 0) + 1;
    },
    takeStatuses() {
      const taken = statuses;
      statuses = new Map();
      return taken;
    },
    seconds: () => total,
  };
}

type Labels = 'method' | 'route';
type Values = Awaited<ReturnType<Histogram<Labels>['get']>>;

const DURATIONS = {
  name: 'parlor_http_request_seconds',
  help: 'How long requests took, from their head to their answer, by method and route',
  labelNames: ['method', 'route'] as const,
  buckets: BUCKETS,
};

/** A histogram whose values are kept in RouteTotals. */
class Durations extends Histogram<Labels> {
  /** Has everything but the values. */
  private readonly empty = new Histogram({ ...DURATIONS, registers: [] });

  constructor(
    private readonly all: readonly RouteTotals[],
    registry: Registry,
  ) {
    super({ ...DURATIONS, registers: [registry] });
  }

  override async get(): Promise<Values> {
    return { ...(await this.empty.get()), values: this.all.flatMap(valuesOf) };
  }

  /** Called by prom-client's text format instead of `get`, if a metric has it. */
  getForPromString(): Promise<Values> {
    return this.get();
  }
}

function valuesOf({ method, route, inBuckets, seconds }: RouteTotals): Values['values'] {
  const labels = { method, route };
  const { name } = DURATIONS;
  let count = 0;
  const buckets = inBuckets.map((more, i) => {
    count += more;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: BUCKETS[i] ?? '+Inf' }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: seconds() },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
