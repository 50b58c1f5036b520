import t from 'tap';
import { WebSocket } from 'ws';
import { startParlor } from '../support/parlor.js';
import { ALL_RIGHTS, AUDIENCE, inSeconds, JWT_ENV, SECRET, token } from '../support/tokens.js';
import { until } from '../support/until.js';
import { attempt } from './support/chat.js';

t.setTimeout(120_000);

const ROOM = 'channel:life';
const rooms = [{ room: 'channel:*', may: ALL_RIGHTS }];
const bearer = (given: string) => ({ authorization: `Bearer ${given}` });

const parlor = await startParlor(JWT_ENV);
t.teardown(() => parlor.end());
const join = async (claims: object, more = '', room = ROOM) =>
  parlor.join(room, `access_token=${await token({ rooms, ...claims })}${more}`);

t.test('a connection ends with its token, and a new token takes its seat over', async (t) => {
  const bob = await join({ sub: 'bob' });
  const ends = inSeconds(2.5);
  const alice = await join({ sub: 'alice', exp: ends });
  const { code } = await alice.closed;
  const late = Date.now() - ends * 1_000;
  t.equal(code, 4401);
  t.ok(late >= 0, 'not before its end');
  t.comment(`closed ${Math.round(late)} ms after the end of the token`);
  t.match(alice.of('error'), [{ code: 'unauthorized', message: /expired/ }]);
  const again = await join({ sub: 'alice' }, '&since=0');
  t.match(again.of('welcome'), [{ member_count: 2 }]);
  again.send({ type: 'post', text: 'still here' });
  await bob.next('message');
  t.same(bob.of('left'), [], 'nobody was told that she had left');
  t.equal(bob.of('joined').length, 1, 'nor that she came a second time');
});

t.test('a refreshed token keeps a connection beyond the end of the old one', async (t) => {
  const ends = inSeconds(2.5);
  const alice = await join({ sub: 'alice', exp: ends });
  alice.send({ type: 'refresh', token: await token({ sub: 'alice', rooms }) });
  t.match(await alice.next('refreshed'), { expires_at: /Z$/ });
  await until(() => Date.now() > ends * 1_000 + 1_000, {
    timeoutMs: 30_000,
    what: 'the old token to be over',
  });
  alice.send({ type: 'ping' });
  t.ok(await alice.next('pong'));
});

t.test(
  'who loses the right to be here with a new token has to go; who loses a lesser right stays',
  async (t) => {
    const alice = await join({ sub: 'alice' });
    const lesser = await token({ sub: 'alice', rooms: [{ room: '*', may: ['join'] }] });
    alice.send({ type: 'refresh', token: lesser });
    await alice.next('refreshed');
    alice.send({ type: 'post', text: 'x' });
    t.match(await alice.next('error'), { code: 'forbidden' });
    alice.send({
      type: 'refresh',
      token: await token({ sub: 'alice', rooms: [{ room: 'other', may: ALL_RIGHTS }] }),
    });
    t.equal((await alice.closed).code, 4403);
  },
);

t.test(
  'a token that ends while its user is still being sent what it missed ends the connection, too',
  async (t) => {
    const room = 'channel:long';
    const service = bearer(await token({ sub: 'office', scope: 'service' }));
    const text = 'x'.repeat(2_000);
    for (let n = 0; n < 10; n++)
      await Promise.all(Array.from({ length: 50 }, () => parlor.post(room, { text }, service)));
    const ends = inSeconds(1.5);
    const given = await token({ sub: 'alice', rooms, exp: ends });
    const alice = parlor.open(room, `access_token=${given}&since=0`);
    await alice.next('welcome');
    // It does not read, so it cannot be sent all of it.
    alice.socket.pause();
    await until(() => Date.now() > ends * 1_000 + 500, { timeoutMs: 30_000, what: 'the token to be over' });
    alice.socket.resume();
    t.equal((await alice.closed).code, 4401);
  },
);

t.test('a token may stand in each of its places, and in one only', async (t) => {
  const given = await token({ sub: 'alice', rooms });
  const address = `ws://127.0.0.1:${parlor.port}/ws/updates/${ROOM}`;
  const offered = new WebSocket(address, ['parlor.v1', `parlor.token.${given}`]);
  const frame = await new Promise<string>((came) =>
    offered.once('message', (data: Buffer) => came(data.toString())),
  );
  t.equal(offered.protocol, 'parlor.v1', 'the token is not echoed');
  t.match(JSON.parse(frame), { type: 'welcome', user: 'alice' });
  offered.close();
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    const headers = { authorization: `${scheme} ${given}` };
    t.equal(await attempt(parlor.open(ROOM, '', { headers })), 'welcome');
    t.equal((await parlor.post(ROOM, { text: 'x' }, headers)).status, 201);
  }
  t.equal((await parlor.get(`/api/rooms/${ROOM}?access_token=${given}`)).status, 200);
  const twice = await parlor.send(
    'GET',
    `/api/rooms/${ROOM}?access_token=${given}`,
    undefined,
    bearer(given),
  );
  t.equal(twice.status, 400);
  t.equal(
    await attempt(parlor.open(ROOM, `access_token=${given}`, { headers: bearer(given) })),
    'bad_request 4400',
  );
  t.equal((await parlor.post(ROOM, { text: 'x' }, { authorization: 'Basic YTpi' })).status, 400);
});

t.test('what a token may look like', async (t) => {
  const status = async (claims: object) =>
    (await parlor.post(ROOM, { text: 'x' }, bearer(await token({ sub: 'alice', rooms, ...claims })))).status;
  t.equal(
    await status({ exp: inSeconds(60) + 0.25, nbf: inSeconds(-60) - 0.5, iat: inSeconds(-60) }),
    201,
    'fractions',
  );
  t.equal(await status({ aud: ['other', AUDIENCE] }), 201, 'several audiences');
  t.equal(await status({ more: { than: 'we know' } }), 201, 'other claims');
  t.equal(await status({ scope: 'read services' }), 201, 'a scope that is not ours');
  t.equal(await status({ scope: ['service'] }), 401, 'a scope is one text');
  t.equal(await status({ rooms: [{ room: 'a b', may: [] }] }), 401, 'no pattern');
  t.equal(await status({ rooms: [{ room: '*', may: ['fly'] }] }), 401, 'no right');
  t.equal(await status({ rooms: undefined }), 403, 'no rights at all');
  t.equal(await status({ sub: ' alice' }), 401, 'no name');
  t.equal(await status({ sub: undefined }), 401);
  t.equal(await status({ exp: '9999999999' }), 401);
  t.equal(await status({ pad: 'x'.repeat(9_000) }), 401, 'too long');
  const composed = await token({ sub: 'Ren\u00e9', rooms });
  const decomposed = await token({ sub: 'Rene\u0301', rooms });
  const users = [composed, decomposed].map(async (given) => {
    const answer = await parlor.post(ROOM, { text: 'x' }, bearer(given));
    return ((await answer.json()) as { user: string }).user;
  });
  t.same(await Promise.all(users), ['Ren\u00e9', 'Ren\u00e9'], 'one user, however the name is written');
});

t.test('no token is ever logged, counted or sent back', async (t) => {
  const given = await token({ sub: 'alice', rooms });
  const bad = `${given}x`;
  const [, , signature = ''] = given.split('.');
  const answers: string[] = [];
  const keep = async (answer: Promise<Response>): Promise<void> => {
    const { headers } = await answer;
    answers.push(JSON.stringify([...headers]), await (await answer).text());
  };
  for (const one of [given, bad]) {
    await keep(parlor.get(`/api/rooms/${ROOM}?access_token=${one}`));
    await keep(parlor.get(`/api/rooms/${ROOM}?x=%zz&access%5Ftoken=${one}`));
    await keep(parlor.get(`/api/nowhere?access_token=${one}`));
    await keep(parlor.get(`/ws/updates/${ROOM}?access_token=${one}`));
    await keep(parlor.post(ROOM, { text: 'x' }, bearer(one)));
    await keep(parlor.post(ROOM, 'no json', bearer(one)));
    await keep(parlor.post(ROOM, { text: 'x', user: 'bob' }, bearer(one)));
    await keep(parlor.send('POST', `/api/rooms/${ROOM}/messages?access_token=${one}`, 'x'.repeat(200_000)));
    const client = parlor.open(ROOM, `access_token=${one}&since=x`);
    await client.closed;
    answers.push(JSON.stringify(client.frames));
  }
  const service = await token({ sub: 'office', scope: 'service' });
  await keep(parlor.send('GET', '/metrics', undefined, bearer(service)));
  const all = [...answers, ...parlor.logs.map((line) => JSON.stringify(line)), parlor.stderr()];
  t.same(
    all.filter((text) => text.includes(signature) || text.includes('eyJ') || text.includes(SECRET)),
    [],
  );
});
