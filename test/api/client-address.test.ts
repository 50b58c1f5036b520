import t from 'tap';
import { createClientAddress, networkOf, readProxies } from '../../api/client-address.js';
import { readConfig } from '../../api/config.js';

const PROXIES = readProxies('127.0.0.1, 10.0.0.0/8,2001:db8::/32');

function addressOf(peer: string, forwardedFor: string, proxies = PROXIES): string {
  return createClientAddress(proxies, { warn: () => undefined })(peer, forwardedFor);
}

t.test('the client is who the trusted proxies say that it is, and nobody else is believed', (t) => {
  for (const [what, peer, forwardedFor, client] of [
    ['no proxy', '192.0.2.7', '', '192.0.2.7'],
    ['a peer that is no proxy', '192.0.2.7', '198.51.100.1', '192.0.2.7'],
    ['a proxy without the header', '127.0.0.1', '', '127.0.0.1'],
    ['a proxy', '127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['an entry that the client made up', '127.0.0.1', '203.0.113.9, 198.51.100.1', '198.51.100.1'],
    ['a trusted address that the client made up', '127.0.0.1', '10.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['two proxies', '127.0.0.1', '203.0.113.9, 198.51.100.1, 10.2.3.4', '198.51.100.1'],
    ['only proxies: the first of them asks', '127.0.0.1', '10.5.5.5,10.2.3.4', '10.5.5.5'],
    ['a proxy on a socket of IPv6', '::ffff:127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['a range of IPv6', '2001:db8:5::1', '2a00:1::1', '2a00:1::1'],
    ['a port', '127.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['a port of IPv6', '127.0.0.1', '[2a00:1::1]:4711', '2a00:1::1'],
    ['brackets', '127.0.0.1', '[2a00:1::1]', '2a00:1::1'],
    ['other letters', '127.0.0.1', '2A00:0001:0:0::1', '2a00:1::1'],
    ['IPv4 in IPv6', '127.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['white space', '127.0.0.1', ' \t198.51.100.1 ', '198.51.100.1'],
    ['a proxy that does not know', '127.0.0.1', '198.51.100.1, unknown', '127.0.0.1'],
    ['one behind a proxy that does not know', '127.0.0.1', '198.51.100.1, unknown, 10.2.3.4', '10.2.3.4'],
    ['nothing between commas', '127.0.0.1', '198.51.100.1,,', '127.0.0.1'],
    ['what could break a log', '127.0.0.1', '\u001b[31m', '127.0.0.1'],
    ['a name', '127.0.0.1', 'evil.example', '127.0.0.1'],
  ] as const)
    t.equal(addressOf(peer, forwardedFor), client, what);
  t.equal(addressOf('127.0.0.1', '198.51.100.1', []), '127.0.0.1', 'by default nobody is believed');
  t.end();
});

t.test('the log is told once of a header that is not believed, and what to set', (t) => {
  const lines: unknown[] = [];
  const address = createClientAddress(PROXIES, { warn: (...line) => lines.push(line) });
  address('127.0.0.1', '198.51.100.1');
  address('192.0.2.7', '');
  t.same(lines, []);
  for (let i = 0; i < 3; i++) address('192.0.2.7', '198.51.100.1');
  t.match(lines, [[{ ip: '192.0.2.7' }, /TRUSTED_PROXIES/]]);
  t.equal(lines.length, 1);
  t.end();
});

t.test('what is neither an address nor a range is no trusted proxy', (t) => {
  t.same(readConfig({ TRUSTED_PROXIES: '10.0.0.0/8, ::1' }).TRUSTED_PROXIES, ['10.0.0.0/8', '::1']);
  t.same(readConfig({}).TRUSTED_PROXIES, []);
  // A range of everything would believe everybody.
  for (const wrong of ['proxy.example', '10.0.0.0/33', '10.0.0.0/', '*', '10.0.0.0/0', '::/0', '1', '10.1'])
    t.throws(
      () => readConfig({ TRUSTED_PROXIES: wrong }),
      { message: /^TRUSTED_PROXIES=".*" is not allowed/ },
      wrong,
    );
  t.end();
});

t.test('a limit counts a network of IPv6 as one', (t) => {
  t.equal(networkOf('192.0.2.1'), '192.0.2.1');
  t.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1');
  t.equal(networkOf('2001:db8:0:1:2:3:4:5'), networkOf('2001:db8:0:1::'));
  t.not(networkOf('2001:db8:0:1::'), networkOf('2001:db8:0:2::'));
  t.equal(networkOf(''), '');
  t.end();
});
