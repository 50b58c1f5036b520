import { startBrowser } from '../support/browser.js';
import t from 'tap';
import { startParlor } from '../support/parlor.js';

t.test('in a browser, “Try it out” posts a message that the room gets', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const alice = await parlor.join('42', 'user=alice');
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (line) => {
    if (line.type() === 'error') complaints.push(line.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));

  await page.goto(`${parlor.http}/api/openapi`);
  await page.getByText('A chat engine in which every room is an actor').waitFor();
  const post = page.locator('.opblock-post', { hasText: '/api/rooms/{room_id}/messages' });
  await post.locator('.opblock-summary').click();
  await post.getByRole('button', { name: 'Try it out' }).click();
  await post.locator('tr[data-param-name="room_id"] input').fill('42');
  await post.locator('textarea.body-param__text').fill('{"user":"browser","text":"Hello from Swagger"}');
  await post.getByRole('button', { name: 'Execute' }).click();
  const answer = post.locator('.live-responses-table .response').first();
  await answer.waitFor();
  t.match(await answer.locator('.response-col_status').innerText(), /^201/);
  t.match(await answer.innerText(), /Hello from Swagger/);
  t.match(await alice.next('message'), { user: 'browser', text: 'Hello from Swagger', seq: 1 });
  t.same(complaints, [], 'nothing in the browser’s console');
});
