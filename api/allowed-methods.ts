import type { FastifyInstance } from 'fastify';

/**
 * Notes the routes that are added from now on; returns which methods an address has, in the order of the alphabet.
 * Routes for every address (`*`) do not count. `gets`: addresses with GET that are no routes of Fastify's.
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

/** Which paths a route of Fastify's matches: `:name` is one segment, `*` the rest; a slash at the end is ignored. */
function patternOf(url: string): RegExp {
  const parts = url.split(/(:\w+|\*)/).map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[$()+.?[\\\]^{|}]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('').replace(/\/$/, '')}/?$`);
}
