import t from 'tap';
import type { Page } from 'playwright-core';
import { PHONE, startBrowser, visit } from '../support/browser.js';
import { startParlor } from '../support/parlor.js';
import { ALL_RIGHTS, JWT_ENV, token } from '../support/tokens.js';
import { until } from '../support/until.js';
import { oneTo } from './support/chat.js';
import { startNoUpgrade } from './support/no-upgrade.js';

const MANY = 10_000;
/** Posts of one connection that wait for an answer. */
const AT_ONCE = 50;
/** A browser calls a task long from 50 ms on; this machine may be busy with other tests. */
const MUCH_TOO_LONG_MS = 400;

t.setTimeout(180_000);

t.test('what people post stays text', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const mallory = await parlor.join('42', 'user=<img src=x onerror=alert(1)>');
  const alice = await visit(browser, { at: parlor.http, hash: 'room=42', name: 'Alice' });
  const { page } = alice;
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  const emoji = '😀'.repeat(2_048);
  const texts = [
    '<script>alert(1)</script>',
    '<img src=https://evil.example/x.png onerror=alert(1)>',
    'javascript:alert(1) and data:text/html,<b>x</b>',
    `see https://example.com/a_(b), or http://host.example/?q=<x>; https://bank.example@evil.example/`,
    'right to left: \u202Egpj.exe\u202C and \u2067more',
    'a\u0301'.repeat(400),
    emoji,
  ];
  for (const text of texts) mallory.send({ type: 'post', text });
  await mallory.count('ack', texts.length);
  await alice.sees('😀');
  // Only what is near the screen is in the document, and the last one is higher than a screen.
  await page.evaluate(`document.querySelector('.scroller').scrollTop = 0`);
  await until(async () => (await page.locator('.message').count()) === texts.length, { what: 'all of them' });
  t.same(
    await page.evaluate<string[]>(
      `[...document.querySelectorAll('.message .text')].map((one) => one.textContent)`,
    ),
    texts,
    'as they were posted',
  );
  t.same(
    await page.evaluate<string[]>(
      `[...document.querySelectorAll('.message .text *')].map((one) => one.tagName + ' ' + one.getAttribute('href') + ' ' + one.rel)`,
    ),
    [
      'A https://evil.example/x.png noopener noreferrer',
      'A https://example.com/a_(b) noopener noreferrer',
      'A http://host.example/?q= noopener noreferrer',
    ],
    'links, and nothing else, are made of them',
  );
  await page.getByRole('button', { name: 'Newest' }).click();
  t.same(await page.locator('.members li bdi').allInnerTexts(), ['Alice', '<img src=x onerror=alert(1)>']);
  await page.setViewportSize(PHONE);
  t.ok(
    await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'),
    'nothing sticks out',
  );
  await page.getByRole('textbox', { name: /^Message/ }).fill(`${emoji}😀`);
  await page.getByText('1 character too many').waitFor();
  t.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
  await alice.say(emoji);
  await page.locator('.message.mine .state', { hasText: 'Sent' }).waitFor();
  // Nothing can be seen of this one, which the server refuses for good.
  await alice.say('\u200B');
  await page.locator('.failure', { hasText: 'Not sent' }).waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.locator('.failure').waitFor({ state: 'detached' });
  t.same(dialogs, []);
  t.same(alice.complaints, [], 'nothing was fetched from elsewhere, and nothing had to be blocked');
});

t.test('ten thousand messages, and 256 people typing', async (t) => {
  const parlor = await startParlor({ MEMORY_EVENTS_PER_ROOM: '20000' });
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  await parlor.send('PUT', '/api/rooms/many', { capacity: null });
  const words = (n: number): string => `message ${n} ${'and a few more words '.repeat(n % 7)}`.trim();
  const writers = await Promise.all(oneTo(4).map((n) => parlor.join('many', `user=writer-${n}`)));
  await Promise.all(
    writers.map(async (writer, w) => {
      for (let n = 0; n < MANY / 4; n++) {
        writer.send({ type: 'post', text: words(n * 4 + w) });
        if (n % AT_ONCE === AT_ONCE - 1) await writer.count('ack', n + 1);
      }
      return writer.count('ack', MANY / 4);
    }),
  );
  const { page, ...alice } = await visit(browser, { at: parlor.http, hash: 'room=many', name: 'Alice' });
  await page.locator('.message').last().waitFor();
  const longest = await watchLongTasks(page);

  const drawn = (): Promise<number> => page.locator('.message').count();
  const wheel = { steps: 0, most: 0 };
  const box = await page.locator('.scroller').boundingBox();
  await page.mouse.move((box?.x ?? 0) + 100, (box?.y ?? 0) + 100);
  await until(
    async () => {
      // As a hard flick on a touchpad.
      await page.mouse.wheel(0, -4_000);
      wheel.steps++;
      if (wheel.steps % 10 === 0) wheel.most = Math.max(wheel.most, await drawn());
      return page.getByText('This is where it begins').isVisible();
    },
    { timeoutMs: 90_000, intervalMs: 16, what: 'the first of all messages' },
  );
  t.ok(wheel.most < 600, `no more than ${wheel.most} of ${MANY} messages are in the document`);
  const scrolling = await longest();
  t.comment(`scrolled through ${MANY} messages in ${wheel.steps} steps; ${told(scrolling)}`);

  await page.getByRole('button', { name: 'Newest' }).click();
  await page.getByRole('button', { name: 'Newest' }).waitFor({ state: 'detached' });
  await until(async () => (await page.locator('.message').last().innerText()).length > 0, {
    what: 'the end',
  });
  t.ok(Math.max(0, ...scrolling) < MUCH_TOO_LONG_MS, told(scrolling));

  // What is loaded above, or comes below, moves nothing that is read.
  await page.mouse.wheel(0, -3_000);
  await page.getByRole('button', { name: 'Newest' }).waitFor();
  let at = await placeOf(page);
  await until(
    async () => {
      const before = at;
      at = await placeOf(page);
      return at !== null && JSON.stringify(at) === JSON.stringify(before);
    },
    { intervalMs: 500, what: 'the scrolling to end' },
  );
  for (const text of oneTo(20).map((n) => `meanwhile ${n}`)) writers[0]?.send({ type: 'post', text });
  await page.locator('.room', { hasText: 'meanwhile 20' }).waitFor();
  t.same(await placeOf(page), at, 'it stays where it is');

  const crowd = await Promise.all(oneTo(251).map((n) => parlor.join('many', `user=crowd-${n}`)));
  await page.getByText('256 here').waitFor();
  const typing = await watchLongTasks(page);
  // Best effort, and once a second for each: so they go on until three times as many have been told.
  await until(
    async () => {
      for (const one of [...crowd, ...writers]) one.send({ type: 'typing' });
      return crowd.every((one) => one.of('typing').length >= 3 * 200);
    },
    { intervalMs: 400, what: 'all to be told' },
  );
  await page.locator('.typing', { hasText: /and \d+ others are typing/ }).waitFor();
  const whileTyping = await typing();
  t.comment(`256 people typing: ${told(whileTyping)}`);
  t.ok(Math.max(0, ...whileTyping) < MUCH_TOO_LONG_MS, told(whileTyping));
  t.same(alice.complaints, []);
});

for (const silently of [false, true])
  t.test(
    `behind a proxy that ${silently ? 'never answers' : 'refuses'} an Upgrade, one talks within 3 s`,
    async (t) => {
      const parlor = await startParlor();
      t.teardown(() => parlor.end());
      const browser = await startBrowser();
      t.teardown(() => browser.close());
      const proxy = await startNoUpgrade(parlor.port, { silently });
      t.teardown(() => proxy.close());
      const bob = await parlor.join('42', 'user=bob');
      const alice = await visit(browser, { at: `http://127.0.0.1:${proxy.port}`, hash: 'room=42' });
      await alice.page.getByLabel('Your name').fill('Alice');
      const started = performance.now();
      await alice.page.keyboard.press('Enter');
      await alice.page.getByText('2 of 2 seats taken').waitFor();
      await alice.say('hello through the wall');
      t.match(await bob.next('message'), { user: 'Alice', text: 'hello through the wall' });
      bob.send({ type: 'post', text: 'I hear you' });
      await alice.sees('I hear you');
      const ms = Math.round(performance.now() - started);
      t.comment(`talking after ${ms} ms`);
      t.ok(ms < 3_000, `after ${ms} ms`);
    },
  );

t.test('with tokens: a link with one, none, and one that does not hold', async (t) => {
  const parlor = await startParlor(JWT_ENV);
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const at = parlor.http;
  const good = await token({ sub: 'alice', rooms: [{ room: '*', may: ALL_RIGHTS }] });

  const alice = await visit(browser, { at, hash: `token=${good}&room=42` });
  await alice.page.getByText('1 of 2 seats taken').waitFor();
  t.equal(alice.page.url(), `${at}/#room=42`, 'the token is not in the address any more');
  await alice.say('hello');
  await alice.page.locator('.state', { hasText: 'Sent' }).waitFor();
  t.equal(await alice.page.locator('.you .who bdi').innerText(), 'alice');
  await alice.page.reload();
  await alice.sees('hello');

  const nobody = await visit(browser, { at, hash: 'room=42' });
  await nobody.page.getByText('takes people with a token only').waitFor();
  t.match(await nobody.page.locator('#token-help').innerText(), /Whoever runs this server gives you one/);
  await nobody.page.getByLabel('Your token').fill('not.a.token');
  await nobody.page.getByRole('button', { name: 'Come in' }).click();
  await nobody.page.getByRole('alert').waitFor();
  const bob = await token({ sub: 'bob', rooms: [{ room: '43', may: ['join', 'post', 'read'] }] });
  await nobody.page.getByLabel('Your token').fill(bob);
  await nobody.page.getByRole('button', { name: 'Come in' }).click();
  await nobody.page.getByRole('heading', { name: 'You are not in this room' }).waitFor();
  t.same([...alice.complaints, ...nobody.complaints], []);
});

/** Collects the lengths of long tasks (50 ms and more) from now on, ms; what it returns ends that. */
async function watchLongTasks(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(`{
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longTasks.push(Math.round(duration));
    }).observe({ type: 'longtask' });
  }`);
  return () => page.evaluate<number[]>('window.longTasks');
}

function told(tasks: readonly number[]): string {
  return tasks.length === 0
    ? 'no task over 50 ms'
    : `${tasks.length} tasks over 50 ms, the longest ${Math.max(...tasks)} ms`;
}

/** The message in the middle of the screen, and how far from the top it is. */
function placeOf(page: Page): Promise<{ readonly id: string; readonly top: number } | null> {
  return page.evaluate(`{
    const box = document.querySelector('.scroller').getBoundingClientRect();
    const message = [...document.querySelectorAll('.message')].find(
      (one) => one.getBoundingClientRect().top > box.top + box.height / 2,
    );
    message ? { id: message.dataset.id, top: Math.round(message.getBoundingClientRect().top) } : null;
  }`);
}
