import t from 'tap';
import { BODY_LIMIT, compareRoutes } from './compare-app.js';
import { AMBIGUOUS, CORPUS, HOSTILE, isChunked, request, UNFINISHED, type Case } from './corpus.js';
import { exchange, RawClient, type Answer, type Outcome } from './raw-client.js';
import { startBridge, startNode } from './servers.js';

/** Headers of the connection and of the clock. Everything else must be the same, line by line. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['date', 'connection', 'keep-alive', 'uwebsockets']);

const HEAD_FIRST: ReadonlySet<string> = new Set(['GET /raw/array-head', 'GET /raw/merged-head']);

const options = { bodyLimit: BODY_LIMIT, routerOptions: { maxParamLength: 200 } };
const node = await startNode(compareRoutes, options);
const uws = await startBridge(compareRoutes, { fastify: options });
t.teardown(async () => {
  await node.close();
  await uws.close();
});

/**
 * An answer whose head was fixed by `writeHead` before `end` is chunked by node:http, which does not wait for the
 * body. The bridge sends the head with the body, and so its length. The one difference in framing.
 */
function framing(name: string): string {
  return name === 'transfer-encoding' || name === 'content-length' ? 'framed' : '';
}

function comparable({ answers }: Outcome, headFirst: boolean): object[] {
  return answers.map(({ status, reason, headers, body }: Answer) => ({
    status,
    reason,
    headers: headers
      .filter(([name]) => !NOT_COMPARED.has(name))
      .map(([name, value]) => (headFirst && framing(name)) || `${name}: ${value}`)
      .sort(),
    body: body.length > 10_000 ? `${body.length} bytes, ${hash(body)}` : body.toString('latin1'),
  }));
}

function hash(bytes: Buffer): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum * 31 + byte) | 0;
  return sum;
}

const says = (answer: Answer | undefined, name: string): string =>
  answer?.headers.find(([key]) => key === name)?.[1]?.toLowerCase() ?? '';

async function ask(port: number, { parts, methods }: Case): Promise<Outcome> {
  return exchange(port, parts, methods);
}

t.test(`${CORPUS.length} conversations are answered alike by node:http and by the bridge`, async (t) => {
  for (const conversation of CORPUS) {
    const [expected, found] = await Promise.all([ask(node.port, conversation), ask(uws.port, conversation)]);
    const headFirst = HEAD_FIRST.has(conversation.name);
    t.same(comparable(found, headFirst), comparable(expected, headFirst), conversation.name);
    t.equal(found.answers.length, conversation.methods.length, `${conversation.name}: every answer came`);
    t.equal(
      says(found.answers.at(-1), 'connection') === 'close',
      isChunked(conversation) || says(expected.answers.at(-1), 'connection') === 'close',
      `${conversation.name}: says alike whether the connection closes, but closes behind chunks`,
    );
    for (const answer of found.answers.filter(({ status }) => status >= 200)) {
      t.equal(answer.headers.filter(([name]) => name === 'date').length, 1, `${conversation.name}: one date`);
    }
  }
});

t.test(
  `${HOSTILE.length} hostile requests are refused or cut off, and others are still served`,
  async (t) => {
    for (const attack of HOSTILE) {
      const { answers, closed } = await ask(uws.port, attack);
      const [answer] = answers;
      t.ok(
        answer ? answer.status >= 400 && answer.status <= 505 : closed,
        `${attack.name}: ${answer?.status ?? 'closed'}`,
      );
      const { answers: others } = await exchange(uws.port, [request('GET /text')], ['GET']);
      t.equal(others[0]?.body.toString(), 'plain text', `after ${attack.name} others are served`);
    }
  },
);

const HEALTH = request('GET /health');

/**
 * Sends a request with a `GET /health` behind it, in the same piece, or once the server has had time to read the first, or
 * behind the answer. Resolves when the connection is closed, or with node:http when both are answered or 1 s is over.
 */
async function smuggle(port: number, bytes: string, when: 'together' | 'a moment later' | 'afterwards') {
  const client = await RawClient.open(port);
  client.send(when === 'together' ? bytes + HEALTH : bytes);
  if (when === 'a moment later') await exchange(port, [request('GET /text')], ['GET']);
  if (when === 'a moment later') client.send(HEALTH);
  const answer = await client.answer('POST');
  if (when === 'afterwards') client.send(HEALTH);
  return { client, answer };
}

t.test('whatever a chunked body is taken for, no request can hide behind it', async (t) => {
  const all = AMBIGUOUS.flatMap((attack) =>
    (['together', 'a moment later', 'afterwards'] as const).flatMap((when) =>
      ['/echo', '/no-content', '/raw/writes', '/stream/sized', '/body/ignored'].map((path) => ({
        attack,
        when,
        path,
      })),
    ),
  );
  const seen = await Promise.all(
    all.map(async ({ attack: { name, head, body }, when, path }) => {
      const line = `POST ${path}`;
      const { client, answer } = await smuggle(uws.port, request(line, head, body), when);
      const rest = await client.untilClosed();
      return {
        name: `${name}: ${line}, ${when}`,
        answer,
        hasHealth: (answer?.body.toString() ?? '').includes('healthy') || rest.includes('healthy'),
      };
    }),
  );
  for (const { name, answer, hasHealth } of seen) {
    t.notOk(hasHealth, `${name}: ${answer?.status ?? 'closed'}, and what is behind it is not answered`);
    if (answer) t.equal(says(answer, 'connection'), 'close', `${name}: says that the connection closes`);
  }
});

t.test('node:http refuses those that are wrong, and answers nothing behind them', async (t) => {
  for (const { name, head, body, isRight } of AMBIGUOUS) {
    const { client, answer } = await smuggle(node.port, request('POST /echo', head, body), 'together');
    if (isRight) t.equal(answer?.status, 200, name);
    else if (answer) t.equal(answer.status, 400, name);
    client.close();
    const here = await smuggle(uws.port, request('POST /echo', head, body), 'afterwards');
    if (isRight) t.ok(here.answer, `${name}: is answered here, too: ${here.answer?.status ?? 'closed'}`);
    here.client.close();
  }
});

t.test('heads that never end are cut off, and others are served meanwhile', async (t) => {
  const attacks = UNFINISHED.map(async (attack) => ({ attack, outcome: await ask(uws.port, attack) }));
  const { answers } = await exchange(uws.port, [request('GET /text')], ['GET']);
  t.equal(answers[0]?.status, 200, 'meanwhile others are served');
  for (const { attack, outcome } of await Promise.all(attacks)) {
    const [answer] = outcome.answers;
    t.ok(answer ? answer.status >= 400 : outcome.closed, `${attack.name}: ${answer?.status ?? 'closed'}`);
  }
});

t.test('a header name with a sign in it is read, or on Node 20 its connection is closed', async (t) => {
  const isRead = Number.parseInt(process.versions.node, 10) >= 22;
  const outcomes = Array.from('_.~!', async (sign) => {
    const attack = { name: sign, parts: [request('GET /echo', [`X${sign}A: a`])], methods: ['GET'] };
    return { sign, outcome: await ask(uws.port, attack) };
  });
  for (const { sign, outcome } of await Promise.all(outcomes)) {
    const [answer] = outcome.answers;
    if (isRead) t.match(JSON.parse(answer?.body.toString() ?? ''), { headers: { [`x${sign}a`]: 'a' } });
    else t.ok(outcome.closed && !answer, `${sign}: closed`);
  }
});

t.test('after all of that nothing is in flight and nothing was thrown', async (t) => {
  await uws.bridge.drained();
  t.equal(uws.bridge.inFlight, 0);
  t.same(uws.faults, []);
});
