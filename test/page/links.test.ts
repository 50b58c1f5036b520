import fc from 'fast-check';
import t from 'tap';
import { piecesOf } from '../../api/page/parts/links.js';

const links = (text: string): string[] =>
  piecesOf(text).flatMap(({ text: words, href }) => (href === null ? [] : [words]));

t.test('the pieces of a text are the text, whatever it is', async (t) => {
  const part = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('https://', 'http://a.b', ')', '.', ' ', '\u202E'),
  );
  const texts = fc.array(part).map((parts) => parts.join(''));
  fc.assert(
    fc.property(
      texts,
      (text) =>
        piecesOf(text)
          .map((piece) => piece.text)
          .join('') === text,
    ),
  );
  fc.assert(
    fc.property(texts, (text) =>
      piecesOf(text).every(({ href }) => href === null || /^https?:\/\/[^/]/.test(href)),
    ),
  );
  t.same(piecesOf(''), []);
});

t.test('addresses end where people mean them to', async (t) => {
  t.same(links('see https://a.example/x, and http://b.example.'), [
    'https://a.example/x',
    'http://b.example',
  ]);
  t.same(links('(https://a.example/x_(y))'), ['https://a.example/x_(y)']);
  t.same(links('HTTPS://A.EXAMPLE/?q=1&r=2#z!'), ['HTTPS://A.EXAMPLE/?q=1&r=2#z']);
  t.same(links('行け https://a.example/日本。'), ['https://a.example/日本']);
});

t.test('nothing else is a link', async (t) => {
  for (const text of [
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://a.example',
    '//a.example',
    'https://',
    'https://bank.example@evil.example/',
    'a.example',
  ])
    t.same(links(text), [], text);
  t.same(links('https://a.example/\u202Egpj.exe'), ['https://a.example/'], 'a mark of direction ends it');
});
