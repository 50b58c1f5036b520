import fc from 'fast-check';
import t from 'tap';
import { startParlor, type Parlor } from '../support/parlor.js';
import { allowed } from './support/allowed.js';
import { readOpenApi, type Operation, type Parameter } from './support/openapi.js';

/** Requests for each call. */
const RUNS = 100;

/** Some of them are about rooms that are there: open, closed, for members only, not to be closed. */
const ROOMS: readonly (readonly [room: string, policy: object])[] = [
  ['open', { capacity: 2 }],
  ['closed', {}],
  ['members', { post: 'members' }],
  ['kept', { deletion: 'never' }],
];

/** Who is in the first of them. */
const MEMBER = 'alice';

/** What chance names too seldom to be sure that the call is done. */
const EXAMPLES: Readonly<Record<string, string>> = {
  closeRoom: '/api/rooms/open',
  removeMember: `/api/rooms/open/members/${MEMBER}`,
  unrevokeUser: `/api/revocations/users/${MEMBER}`,
  unrevokeToken: '/api/revocations/tokens/t1',
};

interface Call {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Calls of one operation that the document allows; `ids` are of messages that are there. */
function callsOf(path: string, operation: Operation, ids: readonly string[]): fc.Arbitrary<Call> {
  const { parameters = [], requestBody } = operation;
  const valueOf = ({ name, schema }: Parameter): fc.Arbitrary<string> => {
    // Chance would make most of them long.
    if (name === 'wait') return fc.integer({ min: 0, max: 20 }).map(String);
    const any = allowed(schema).map(String);
    if (name === 'room_id') return fc.oneof(any, fc.constantFrom(...ROOMS.map(([room]) => room)));
    if (name === 'user') return fc.oneof(any, fc.constant(MEMBER));
    return ['id', 'event_id'].includes(name) ? fc.oneof(any, fc.constantFrom(...ids)) : any;
  };
  const values = fc.record(Object.fromEntries(parameters.map((one) => [one.name, valueOf(one)])), {
    requiredKeys: parameters.filter(({ required }) => required).map(({ name }) => name),
  });
  const schema = requestBody?.content['application/json']?.schema;
  const always = schema === undefined ? fc.constant(undefined) : allowed(schema);
  const body = requestBody?.required === false ? fc.option(always, { nil: undefined }) : always;
  return fc.tuple(values.map(fitting), body).map(([given, sent]) => {
    const of = (where: string): [string, string][] =>
      parameters.flatMap((one) => {
        const value = given[one.name];
        return one.in === where && value !== undefined ? [[one.name, value]] : [];
      });
    const inPath = new Map(of('path'));
    const filled = path.replaceAll(/{(\w+)}/g, (_, name: string) =>
      encodeURIComponent(inPath.get(name) ?? ''),
    );
    const query = new URLSearchParams(of('query')).toString();
    // The one rule about two places, and so in the description only: both must name the same message.
    const hasId = typeof sent === 'object' && sent !== null && 'id' in sent;
    return {
      path: query === '' ? filled : `${filled}?${query}`,
      headers: hasId ? {} : Object.fromEntries(of('header')),
      body: sent,
    };
  });
}

/** Rules about two parameters are in the descriptions only. */
function fitting(given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const canWait = 'room_id' in given && ('after' in given || 'cursor' in given);
  const out = ['user' in given ? 'resume' : '', canWait ? '' : 'wait'];
  return Object.fromEntries(Object.entries(given).filter(([name]) => !out.includes(name)));
}

/** A stream would go on. */
async function bodyOf(answer: Response): Promise<string> {
  if (answer.headers.get('content-type') !== 'text/event-stream') return answer.text();
  await answer.body?.cancel();
  return '';
}

/** Makes the rooms as they are to be, with the member in the first one. Resolves with the ids of messages in them. */
async function prepare(parlor: Parlor): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const [room, policy] of ROOMS) {
    await parlor.send('PUT', `/api/rooms/${room}`, policy);
    const { id } = (await (await parlor.post(room, { text: 'Hello' })).json()) as { id?: string };
    if (id !== undefined) ids.push(id);
  }
  await parlor.send('DELETE', '/api/rooms/closed');
  await parlor.join('open', `user=${MEMBER}`);
  for (const what of [`users/${MEMBER}`, 'tokens/t1']) await parlor.send('PUT', `/api/revocations/${what}`);
  return ids;
}

t.test('nothing that the document allows is a bad request, and each answer is in it', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const document = await readOpenApi(parlor);
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const ids = await prepare(parlor);
      const listed = Object.keys(operation.responses);
      const seen = new Set<number>();
      const property = fc.asyncProperty(callsOf(path, operation, ids), async (call) => {
        const { path: url, headers, body } = call;
        const answer = await parlor.send(method.toUpperCase(), url, body, { ...headers });
        seen.add(answer.status);
        const text = await bodyOf(answer);
        if (answer.status === 400) throw new Error(text);
        if (!listed.includes(String(answer.status)))
          throw new Error(`${answer.status} is not listed: ${text}`);
      });
      const example = EXAMPLES[operation.operationId ?? ''];
      const examples: [Call][] =
        example === undefined ? [] : [[{ path: example, headers: {}, body: undefined }]];
      await t.resolves(fc.assert(property, { numRuns: RUNS, examples }), `${method} ${path}`);
      t.ok(
        [...seen].some((status) => status < 300),
        `it was done: ${[...seen].sort().join(', ')}`,
      );
    }
  }
});
