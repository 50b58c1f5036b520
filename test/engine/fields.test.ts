import t from 'tap';
import fc from 'fast-check';
import { checker } from '../../engine/messages/check.js';
import { RequestId, RoomId, Timestamp, Uuid } from '../../engine/messages/fields.js';
import { userFault } from '../../engine/text/names.js';
import { textFault } from '../../engine/text/texts.js';
import { showsNothing } from '../../engine/text/visible.js';

t.test('a text is 1 to 2048 characters, however many bytes or units each of them takes', async (t) => {
  for (const one of ['a', 'ä', '漢', '😀', '𝒳']) {
    t.equal(textFault(one.repeat(2048)), null, one);
    t.match(textFault(one.repeat(2049)), /2048/, one);
  }
  t.equal(textFault(`  ${'a'.repeat(2048)} \n`), null, 'white space around it does not count');
  t.equal(textFault(`${'a'.repeat(1024)}${'😀'.repeat(1024)}`), null);
  t.match(textFault(`${'a'.repeat(1025)}${'😀'.repeat(1024)}`), /2048/);
});

t.test('a text must hold something that can be read, stored and sent', async (t) => {
  for (const empty of ['', ' ', '\n\t ', '\u00a0', '\ufeff', ' '.repeat(3_000)])
    t.match(textFault(empty), /white space/);
  for (const nul of ['\u0000', 'a\u0000b', '\u0000a']) t.match(textFault(nul), /NUL/);
  for (const half of ['\ud800', 'a\udc00', '\udc00\ud800', `${'😀'.repeat(3)}\ud83d`])
    t.match(textFault(half), /surrogate/);
  for (const fine of ['a', '0', '"', '\\', '</script>', 'a\nb', 'a\u0007', '👩‍👩‍👧‍👦', 'a\u202e'])
    t.equal(textFault(fine), null);
});

t.test('the rule for texts is what Unicode says a character is', async (t) => {
  const property = fc.property(fc.string({ unit: 'binary', maxLength: 3_000, size: 'max' }), (text) => {
    const trimmed = text.trim();
    const count = Array.from(trimmed).length;
    const fine = count > 0 && count <= 2048 && !trimmed.includes('\u0000') && !showsNothing(trimmed);
    return (textFault(text) === null) === fine;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
});

t.test(
  'a user is 1 to 64 characters without control characters and without white space around',
  async (t) => {
    for (const fine of ['a', 'Ann Lee', '😀'.repeat(64), 'ä'.repeat(64), 'guest-01', 'a:b/c?d#e'])
      t.equal(userFault(fine), null, fine);
    t.match(userFault(''), /at least one/);
    t.match(userFault('a'.repeat(65)), /64/);
    t.match(userFault('😀'.repeat(65)), /64/);
    for (const control of ['a\nb', '\u0000', 'a\u007f', '\u0085x', '\u001b[2J'])
      t.match(userFault(control), /control/);
    for (const around of [' a', 'a ', '\u00a0a']) t.match(userFault(around), /white space/);
    t.match(userFault('\ud800'), /surrogate/);
  },
);

t.test('a room id is 1 to 64 of A-Z a-z 0-9 _ . : -', async (t) => {
  const faults = checker(RoomId);
  for (const fine of ['4', '42', 'direct:a_b.C-D', 'a'.repeat(64), '...', ':'])
    t.equal(faults(fine), null, fine);
  for (const wrong of [
    '',
    'a'.repeat(65),
    'a/b',
    'a b',
    'ä',
    'a\n',
    '\n',
    '42\u0000',
    '%34',
    42,
    null,
    undefined,
    {},
  ]) {
    t.match(faults(wrong)?.[0]?.message, /^(must be 1–64 of|expected)/, JSON.stringify(wrong));
  }
});

t.test('ids, times and request ids are what their standards say', async (t) => {
  const [uuids, times, requests] = [checker(Uuid), checker(Timestamp), checker(RequestId)];
  t.equal(uuids('0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a'), null);
  t.equal(uuids('0190A6F2-7B3C-7D4E-8F5A-6B7C8D9E0F1A'), null, 'in either case');
  for (const wrong of [
    '',
    '1',
    '0190a6f27b3c7d4e8f5a6b7c8d9e0f1a',
    '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1g',
    '{0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a}',
  ]) {
    t.match(uuids(wrong)?.[0]?.message, /must be a UUID, such as/, wrong);
  }
  t.equal(times('2024-02-29T12:00:00.000Z'), null);
  t.not(times('yesterday'), null);
  t.equal(requests('abc-123'), null);
  for (const wrong of ['', 'a b', 'a\r\nb', 'ä', 'a'.repeat(129)])
    t.not(requests(wrong), null, JSON.stringify(wrong));
});
