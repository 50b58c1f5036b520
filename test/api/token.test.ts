import fc from 'fast-check';
import t from 'tap';
import { findToken, splitAddress, splitQuery, withoutToken } from '../../api/access/token.js';

const NOWHERE = { authorization: undefined, query: null };

t.test('a token is found in each of its places', (t) => {
  t.same(findToken(NOWHERE), { token: null });
  for (const scheme of ['Bearer', 'bearer', 'BEARER'])
    t.same(findToken({ ...NOWHERE, authorization: `${scheme} a.b.c` }), { token: 'a.b.c' });
  t.same(findToken({ ...NOWHERE, protocols: 'parlor.v1, parlor.token.a.b.c' }), { token: 'a.b.c' });
  t.same(findToken({ ...NOWHERE, query: 'a.b.c' }), { token: 'a.b.c' });
  t.same(findToken({ ...NOWHERE, protocols: 'parlor.v1' }), { token: null });
  t.end();
});

t.test('another scheme, and two places at once, are refused', (t) => {
  for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer a b', 'a.b.c'])
    t.match(findToken({ ...NOWHERE, authorization }), { fault: /Bearer/ });
  t.match(findToken({ authorization: 'Bearer a', query: 'a' }), { fault: /one place/ });
  t.end();
});

t.test('an address loses its token and nothing else', (t) => {
  const cases: [string, string, string | null][] = [
    ['/a?access_token=x', '/a', 'x'],
    ['/a?b=1&access_token=x&c=%20', '/a?b=1&c=%20', 'x'],
    ['/a?access%5Ftoken=x&b=1', '/a?b=1', 'x'],
    ['/a?access_token=x&access_token=y', '/a', 'y'],
    ['/a?access_token', '/a', 'access_token'],
    ['/a?my_access_token=x', '/a?my_access_token=x', null],
    ['/access_token=x', '/access_token=x', null],
  ];
  for (const [address, rest, token] of cases) t.same(splitAddress(address), { rest, token }, address);
  t.end();
});

t.test('a query may have question marks in it', (t) => {
  t.same(splitQuery('since=3&access_token=x'), { rest: 'since=3', token: 'x' });
  t.same(splitQuery('a=?&access_token=x?y=1'), { rest: 'a=?', token: 'x?y=1' });
  t.same(splitQuery(''), { rest: '', token: null });
  t.same(splitAddress('/a?b=?&access_token=x'), { rest: '/a?b=?', token: 'x' });
  t.end();
});

t.test('whatever else a query holds, no log line has its token', (t) => {
  const part = fc.oneof(
    fc.constant('access_token=SECRET'),
    fc.constant('access%5ftoken=SECRET'),
    fc.webQueryParameters(),
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 5 }),
      (parts) => !withoutToken(`/a?${parts.join('&')}`).includes('SECRET'),
    ),
  );
  t.end();
});
