import type { ResolveHook } from 'node:module';

/** Adapters that are replaced, each by a module here that wraps it. */
const WRAPPED: Readonly<Record<string, string>> = {
  '/adapters/postgres/store.js': './planted-store.js',
  '/adapters/rabbitmq/broker.js': './planted-broker.js',
};

/** For `module.register`: whoever is no test and imports one of these adapters gets the wrapped one. */
export const resolve: ResolveHook = async (specifier, context, next) => {
  const resolved = await next(specifier, context);
  const wrapper = Object.entries(WRAPPED).find(([path]) => resolved.url.endsWith(path))?.[1];
  const isTest = context.parentURL?.includes('/test/') === true;
  if (wrapper === undefined || isTest) return resolved;
  return { ...resolved, url: new URL(wrapper, import.meta.url).href };
};
