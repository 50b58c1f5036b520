import t from 'tap';
import { createGuard, readHosts, readOrigins } from '../../api/origins.js';

const verdict = (guard: ReturnType<typeof createGuard>, origin: string, host: string): boolean =>
  guard.refusal(origin, host) === null;

t.test('with nothing listed, its own pages and those without an origin are let in', async (t) => {
  const guard = createGuard([], []);
  for (const [origin, host, isLetIn] of [
    ['', '127.0.0.1:8000', true],
    ['', 'localhost:8000', true],
    ['', 'LocalHost', true],
    ['', '[::1]:8000', true],
    ['', '192.168.1.7', true],
    ['http://localhost:8000', 'localhost:8000', true],
    ['http://127.0.0.1:8000', '127.0.0.1:8000', true],
    ['http://[::1]:8000', '[::1]:8000', true],
    ['http://localhost', 'localhost:80', true],
    ['https://localhost', 'localhost', true],
    ['https://localhost', 'localhost:443', true],
    ['http://localhost:5173', 'localhost:8000', false],
    ['http://127.0.0.1:8000', 'localhost:8000', false],
    ['https://localhost', 'localhost:80', false],
    ['https://evil.example', '127.0.0.1:8000', false],
    ['https://localhost:8000.evil.example', 'localhost:8000', false],
    ['null', 'localhost:8000', false],
    ['file://', 'localhost:8000', false],
    ['localhost:8000', 'localhost:8000', false],
  ] as const)
    t.equal(verdict(guard, origin, host), isLetIn, `${origin || 'no origin'} at ${host}`);
});

t.test('a host whose name is not known is refused, whatever the origin says', async (t) => {
  const guard = createGuard([], ['chat.internal']);
  for (const [host, isKnown] of [
    ['chat.internal:8000', true],
    ['Chat.Internal', true],
    ['rebound.example', false],
    ['rebound.example:8000', false],
    ['localhost.evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['evil.example:127.0.0.1', false],
    ['[evil.example]', false],
    ['1.2.3', false],
    ['', false],
  ] as const) {
    t.equal(verdict(guard, '', host), isKnown, `Host: ${host}`);
    t.equal(verdict(guard, `http://${host}`.toLowerCase(), host), isKnown, `its own page at ${host}`);
    t.equal(verdict(guard, '', 'localhost'), true, 'and the next request is judged by itself');
  }
});

t.test('a page that is listed may use it, under any name that is known', async (t) => {
  const guard = createGuard(
    readOrigins('https://Chat.example:443, http://localhost:5173,capacitor://localhost'),
    [],
  );
  t.ok(verdict(guard, 'https://chat.example', '127.0.0.1:8000'));
  t.ok(verdict(guard, 'http://localhost:5173', 'localhost:8000'));
  t.ok(verdict(guard, 'capacitor://localhost', 'localhost:8000'));
  t.ok(verdict(guard, 'https://chat.example', 'chat.example'), 'behind a proxy that passes the name on');
  t.ok(verdict(guard, '', 'chat.example'), 'its services, too');
  t.notOk(verdict(guard, 'http://chat.example', '127.0.0.1'), 'another scheme is another origin');
  t.notOk(verdict(guard, 'https://chat.example:8443', '127.0.0.1'), 'so is another port');
  t.notOk(verdict(guard, 'https://other.example', 'chat.example'));
  t.notOk(verdict(guard, 'https://chat.example', 'rebound.example'));
  t.same(guard.cors, ['https://chat.example', 'http://localhost:5173', 'capacitor://localhost']);
});

t.test('with * every page may use it, under every name', async (t) => {
  const guard = createGuard(['*'], []);
  t.ok(verdict(guard, 'https://evil.example', 'rebound.example'));
  t.ok(verdict(guard, 'null', ''));
  t.equal(guard.cors, '*');
});

t.test('a refusal says what to set, and repeats no more than a little of what was sent', async (t) => {
  const guard = createGuard([], []);
  t.match(guard.refusal('https://evil.example', 'localhost'), /"https:\/\/evil.example".*ORIGINS/);
  t.match(guard.refusal('', 'chat.example'), /"chat.example".*HOSTS/);
  t.ok((guard.refusal(`https://${'e'.repeat(9_000)}`, 'localhost') ?? '').length < 300);
});

t.test('what is no origin and no name is not taken for one', async (t) => {
  for (const wrong of [
    'chat.example',
    'https://',
    'https://a/b',
    'https://a/',
    'https://u@a',
    'https://*.a b',
  ])
    t.throws(() => readOrigins(wrong), wrong);
  for (const wrong of ['chat.example:8000', 'https://a', '*', '-a', 'a b', '[::1]'])
    t.throws(() => readHosts(wrong), wrong);
  t.same(readOrigins(' '), []);
  t.same(readHosts('a, B.c,'), ['a', 'b.c']);
});
