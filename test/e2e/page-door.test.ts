import { gzipSync } from 'node:zlib';
import t from 'tap';
import { startParlor } from '../support/parlor.js';

/** All scripts of the page together, gzipped. */
const MOST_BYTES = 60 * 1_024;

t.test(
  'the page is one HTML, one script and one style, and may do nothing but talk to its server',
  async (t) => {
    const parlor = await startParlor();
    t.teardown(() => parlor.end());
    const answer = await parlor.get('/');
    const html = await answer.text();
    t.equal(answer.status, 200);
    t.match(answer.headers.get('content-type'), /^text\/html/);
    t.equal(answer.headers.get('cache-control'), 'no-cache');
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    const policy = answer.headers.get('content-security-policy') ?? '';
    t.match(policy, /default-src 'none'/);
    t.match(policy, /require-trusted-types-for 'script'/);
    t.notMatch(policy, /unsafe|\*|https?:/);
    t.notMatch(
      html,
      /<script(?![^>]* src=)|<style| style=| on\w+=/,
      'nothing in it that the policy would block',
    );
    const etag = answer.headers.get('etag') ?? '';
    const again = await parlor.send('GET', '/', undefined, { 'if-none-match': etag });
    t.equal(again.status, 304);

    const assets = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
    t.same(assets.map((path) => path.split('.').at(-1)).sort(), ['css', 'js']);
    let scripts = 0;
    for (const path of assets) {
      const asset = await parlor.get(`/${path}`);
      const body = await asset.text();
      t.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      t.equal(asset.headers.get('content-encoding'), 'gzip');
      t.match(asset.headers.get('content-type'), /^text\/(css|javascript)/);
      if (path.endsWith('js')) scripts += gzipSync(body, { level: 9 }).length;
      const plain = await parlor.send('GET', `/${path}`, undefined, { 'accept-encoding': 'identity' });
      t.equal(plain.headers.get('content-encoding'), null);
      t.equal(await plain.text(), body, 'the same without compression');
    }
    t.comment(`${scripts} bytes of script, gzipped`);
    t.ok(scripts < MOST_BYTES, `${scripts} bytes of script, gzipped`);
    for (const nowhere of ['/assets/gone.js', '/assets/..%2Findex.html', '/assets/'])
      t.equal((await parlor.get(nowhere)).status, 404, nowhere);
  },
);

t.test('with PAGE=off, / leads to the description of the API', async (t) => {
  const parlor = await startParlor({ PAGE: 'off' });
  t.teardown(() => parlor.end());
  const answer = await fetch(`${parlor.http}/`, { redirect: 'manual' });
  t.equal(answer.status, 302);
  t.equal(answer.headers.get('location'), '/api/openapi');
  t.equal((await parlor.get('/assets/gone.js')).status, 404);
  t.notOk(parlor.logs.some(({ page }) => page !== undefined));
});
