import { join } from 'node:path';
import t from 'tap';
import { DESKTOP, PHONE, startBrowser, visit, type Person } from '../support/browser.js';
import { startParlor } from '../support/parlor.js';
import { startProxy } from '../support/proxy.js';
import { until } from '../support/until.js';
import { readHistory } from './support/chat.js';

/** `SHOTS=folder` keeps a picture of each step, to be looked at. */
const { SHOTS } = process.env;

async function shoot({ page }: Person, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE }))
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(SHOTS, `${name}-${size}-${colorScheme}.png`) });
    }
  await page.setViewportSize(DESKTOP);
}

t.setTimeout(180_000);

t.test('two people talk, and there is no third', async (t) => {
  const parlor = await startParlor({ GRACE_MS: '60000' });
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const at = parlor.http;
  // Bob's way to the server can be cut.
  const proxy = await startProxy(parlor.port);
  t.teardown(() => proxy.close());

  const alice = await visit(browser, { at, hash: 'room=42', name: 'Alice' });
  await alice.page.getByText('Nothing has been said here yet').waitFor();
  await shoot(alice, 'empty');
  const bob = await visit(browser, { at: `http://127.0.0.1:${proxy.port}`, hash: 'room=42', name: 'Bob' });
  await alice.page.getByText('2 of 2 seats taken').waitFor();
  t.same(await alice.page.locator('.members li bdi').allInnerTexts(), ['Alice', 'Bob']);

  await alice.say('Good morning');
  await bob.sees('Good morning');
  await bob.page.getByRole('textbox', { name: /^Message/ }).pressSequentially('Mor');
  await alice.page.locator('.typing', { hasText: 'Bob is typing' }).waitFor();
  await shoot(alice, 'typing');
  await bob.say('Morning!');
  await alice.sees('Morning!');
  t.match(await alice.page.locator('.message.mine .state').innerText(), /Sent/);
  await alice.page.locator('.sr', { hasText: 'Bob: Morning!' }).waitFor({ state: 'attached' });

  const carol = await visit(browser, { at, hash: 'room=42', name: 'Carol' });
  await carol.page.getByRole('heading', { name: 'This room is full' }).waitFor();
  t.match(await carol.page.locator('.refused').innerText(), /taken right now.*you are let in/s);
  t.equal(
    await carol.page.getByRole('textbox', { name: /^Message to/ }).count(),
    0,
    'there is nothing to write in',
  );
  await shoot(carol, 'full');
  await carol.page.getByRole('button', { name: 'Open another room' }).click();
  await carol.page.getByLabel('Name, or a link').fill('Tea & cakes');
  await carol.page.getByText('group:Tea-cakes').waitFor();
  await shoot(carol, 'add');
  await carol.page.getByRole('button', { name: 'Open the room' }).click();
  await carol.page.getByRole('heading', { name: 'Tea-cakes' }).waitFor();
  await carol.say('Anybody here?');
  await carol.page.locator('.state', { hasText: 'Sent' }).waitFor();

  await proxy.refuse();
  await bob.page.locator('.status', { hasText: 'econnect' }).waitFor();
  await bob.say('written in a tunnel');
  await bob.page.locator('.state', { hasText: 'Sending' }).waitFor();
  await bob.say('and one more');
  await alice.say('Are you there?');
  await shoot(bob, 'lost');
  await bob.context.setOffline(true);
  await bob.page.locator('.status', { hasText: 'You are offline' }).waitFor();
  await shoot(bob, 'offline');
  await bob.context.setOffline(false);
  t.same(await bob.texts(), ['Good morning', 'Morning!', 'written in a tunnel', 'and one more']);
  await proxy.recover();
  await alice.sees('and one more', 45_000);
  await bob.sees('Are you there?');
  await until(async () => (await bob.page.locator('.state.sending').count()) === 0, {
    what: 'all to be sent',
  });
  const stored = (await readHistory(parlor, '42')).map(({ text }) => text);
  t.equal(stored.length, 5);
  t.same(await alice.texts(), stored, 'in order at Alice’s');
  t.same(await bob.texts(), stored, 'and at Bob’s');
  await shoot(bob, 'back');

  await bob.context.close();
  // His seat is kept for a minute; this frees it at once.
  await parlor.send('DELETE', '/api/rooms/42/members/Bob');
  await carol.page.getByRole('link', { name: /^42/ }).click();
  await carol.page.getByText('2 of 2 seats taken').waitFor({ timeout: 45_000 });
  await carol.sees('and one more');
  t.same(await carol.texts(), stored, 'the seat is free, so Carol is let in by herself');
  t.same([...alice.complaints, ...bob.complaints, ...carol.complaints], []);
});

t.test('rooms in a list: unread, shared by a link, left, and still there after a reload', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const at = parlor.http;

  const alice = await visit(browser, { at, name: 'Alice' });
  const { page } = alice;
  await page.getByRole('heading', { name: 'lobby' }).waitFor();
  await page.getByText('1 here').waitFor();
  await page.getByRole('button', { name: 'Add a room' }).click();
  await page.getByLabel('Name, or a link').fill(`${at}/#room=channel:news`);
  await page.getByRole('button', { name: 'Open the room' }).click();
  await page.getByRole('heading', { name: 'news' }).waitFor();
  await page.getByText('1 here').waitFor();
  const bob = await parlor.join('group:lobby', 'user=bob');
  for (const text of ['one', 'two']) bob.send({ type: 'post', text });
  await page.locator('.room', { hasText: 'lobby' }).locator('.badge', { hasText: '2' }).waitFor();
  t.equal(await page.title(), '(2) news · Parlor');
  await page.reload();
  await page.locator('.room', { hasText: 'lobby' }).locator('.badge', { hasText: '2' }).waitFor();
  await page.getByRole('link', { name: /^lobby/ }).click();
  await alice.sees('two');
  await until(async () => (await page.title()) === 'lobby · Parlor', { what: 'all to be read' });

  await page.getByRole('button', { name: 'Share this room' }).click();
  const link = await page.getByLabel('Link to this room').inputValue();
  t.equal(link, `${at}/#room=group:lobby`);
  await page.keyboard.press('Escape');
  await bob.close();
  const guest = await visit(browser, { at, hash: link.split('#')[1] ?? '' });
  await guest.page.getByRole('heading', { name: 'Come in to lobby' }).waitFor();
  await guest.page.getByRole('button', { name: 'Or stay a guest' }).click();
  await guest.page.getByText(/^[23] here/).waitFor();
  const name = await guest.page.locator('.you .who bdi').innerText();
  await guest.page.reload();
  await guest.page.getByText(/^[23] here/).waitFor();
  t.equal(await guest.page.locator('.you .who bdi').innerText(), name, 'the same guest after a reload');

  await page.getByRole('button', { name: 'Leave this room' }).click();
  await until(async () => (await page.locator('.rooms .room').count()) === 1, {
    what: 'the room to be off the list',
  });
  t.same([...alice.complaints, ...guest.complaints], []);
});

t.test('a room that was closed, and one that threw somebody out, say so', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const alice = await visit(browser, {
    at: parlor.http,
    hash: 'room=group:a',
    name: 'Alice',
  });
  const { page } = alice;
  await alice.say('hello');
  await page.locator('.state', { hasText: 'Sent' }).waitFor();
  await parlor.send('DELETE', '/api/rooms/group:a/members/Alice');
  await page.getByRole('heading', { name: 'You are not in this room' }).waitFor();
  await alice.sees('hello'); // What was said is still there to be read.
  await page.getByRole('button', { name: 'Try to come in' }).click();
  await page.getByRole('textbox', { name: /^Message to/ }).waitFor();
  await parlor.send('DELETE', '/api/rooms/group:a');
  await page.getByRole('heading', { name: 'This room is closed' }).waitFor();
  await page.getByRole('button', { name: 'Take it off the list' }).click();
  await page.getByRole('heading', { name: 'lobby' }).waitFor();
  t.same(alice.complaints, []);
});
