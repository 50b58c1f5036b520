import t from 'tap';
import { anchorsOf, codeOf, linksOf } from './markdown.js';

t.test('links and pictures are found with their lines, but not in code and comments', async (t) => {
  const page =
    'a [b](c.md#d) ![e](f.svg)\n```sh\n[no](x)\n```\n`[no](y)` <!-- [no](z) -->\n[g](https://h.example)\n';
  t.strictSame(linksOf(page), [
    { target: 'c.md#d', line: 1 },
    { target: 'f.svg', line: 1 },
    { target: 'https://h.example', line: 6 },
  ]);
});

t.test('anchors are those of GitHub', async (t) => {
  const page =
    '# On RabbitMQ\n## Change `PARTITIONS`, now\n```sh\n# no heading\n```\n## Who? [Me](x)\n## Who me\n<a id="own"></a>\n';
  t.strictSame(anchorsOf(page), ['on-rabbitmq', 'change-partitions-now', 'who-me', 'who-me-1', 'own']);
});

t.test('the blocks of code in one language', async (t) => {
  t.strictSame(codeOf('```sh\na\nb\n```\n```js\nc\n```\n```sh\nd\n```\n', 'sh'), ['a\nb\n', 'd\n']);
});
