/**
 * The layers of the design: engine <- adapters, engine <- api, and api/node.ts, with api/stores.ts, puts everything together.
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */
module.exports = {
  forbidden: [
    {
      name: 'engine-stands-alone',
      comment: 'The engine knows ports and messages, not who implements or calls them.',
      severity: 'error',
      from: { path: '^engine/' },
      to: { path: '^(adapters|api|bench|test)/' },
    },
    {
      name: 'engine-knows-no-transport',
      comment: 'Sockets, HTTP and AMQP belong to the adapters and the api.',
      severity: 'error',
      from: { path: '^engine/' },
      to: { path: 'node_modules/(amqplib|uWebSockets\\.js|uwebsockets|fastify|@fastify|ws|pino)/' },
    },
    {
      name: 'adapters-know-the-engine-only',
      severity: 'error',
      from: { path: '^adapters/' },
      to: { path: '^(api|bench|test)/' },
    },
    {
      name: 'http-bridge-stands-alone',
      comment: 'adapters/http is a library of its own: nothing in it is about Parlor.',
      severity: 'error',
      from: { path: '^adapters/http/' },
      to: { path: '^(engine|api|bench|test|adapters/(?!http/))' },
    },
    {
      name: 'api-runs-no-adapter',
      comment:
        'Only api/node.ts and api/stores.ts choose adapters. Types may be imported: an interface is declared once.',
      severity: 'error',
      from: { path: '^api/', pathNot: '^api/(node|stores)\\.ts$' },
      to: { path: '^adapters/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'api-is-no-test',
      severity: 'error',
      from: { path: '^api/' },
      to: { path: '^(bench|test)/' },
    },
    {
      name: 'room-core-is-pure',
      comment:
        'decide, evolve and the policy are plain functions: no actor library, and (below) nothing of Node.',
      severity: 'error',
      from: { path: '^engine/room/' },
      to: { path: 'node_modules/nact/' },
    },
    {
      name: 'room-core-has-no-built-in',
      severity: 'error',
      from: { path: '^engine/room/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'client-stands-alone',
      comment: 'api/client is published without the rest, so not even its types may come from there.',
      severity: 'error',
      from: { path: '^api/client/' },
      to: { path: '^(engine|adapters|api|bench|test)/', pathNot: '^api/client/' },
    },
    {
      name: 'client-has-no-dependency',
      comment: 'Only api/client/react needs React. What runs in a browser has nothing of Node.',
      severity: 'error',
      from: { path: '^api/client/', pathNot: '^api/client/(build\\.js$|react/)' },
      to: { pathNot: '^api/client/' },
    },
    {
      name: 'page-is-an-example',
      comment: 'The chat page uses what everybody can use of the client, and nothing of the server.',
      severity: 'error',
      from: { path: '^api/page/' },
      to: {
        path: '^(engine|adapters|api|bench|test)/',
        pathNot: '^api/(page/|client/index\\.ts$|client/react/index\\.ts$)',
      },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'not-resolvable',
      severity: 'error',
      from: {},
      // The page names the client as everybody does; its builder knows where that is.
      to: { couldNotResolve: true, pathNot: '^parlor/(client|react)$' },
    },
    {
      name: 'no-development-package-in-production',
      severity: 'error',
      // The builders run here only; React is the page's own.
      // The page is bundled, with Preact.
      from: { path: '^(engine|adapters|api)/', pathNot: '^api/(page/|(client/)?build\\.js$)' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
    skipAnalysisNotInRules: true,
  },
};
