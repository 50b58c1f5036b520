import type { FastifyInstance } from 'fastify';

/**
 * Records the routes that are added from now on. The returned function lists the methods of a path in alphabetical
 * order. Routes for every path (`*`) do not count. `gets`: paths with GET that are not routes of Fastify.
 */
export function allowedMethods(
  app: FastifyInstance,
  gets: readonly string[],
): (path: string) => readonly string[] {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = gets.map((url) => ({
    pattern: patternOf(url),
    methods: ['GET'],
  }));
  app.addHook('onRoute', ({ url, method }) => {
    if (url !== '*') routes.push({ pattern: patternOf(url), methods: [method].flat() });
  });
  return (path) =>
    [...new Set(routes.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : [])))].sort();
}

/** The paths that a Fastify route matches: `:name` is one segment, `*` the rest. A trailing slash is ignored. */
function patternOf(url: string): RegExp {
  const parts = url.split(/(:\w+|\*)/).map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[$()+.?[\\\]^{|}]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('').replace(/\/$/, '')}/?$`);
}
