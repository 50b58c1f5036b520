import axe from 'axe-core';
import t from 'tap';
import type { Page } from 'playwright-core';
import { DESKTOP, PHONE, startBrowser, visit, type Person } from '../support/browser.js';
import { startParlor } from '../support/parlor.js';
import { until } from '../support/until.js';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface Found {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** What axe holds against a page, a line each. */
async function faults(page: Page): Promise<readonly string[]> {
  // Over the protocol of the browser, as the page's policy allows no script but its own.
  await page.evaluate(axe.source);
  const found = await page.evaluate<Found>(
    `axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(RULES)} } })`,
  );
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
}

t.setTimeout(180_000);

t.test('axe finds no fault, light and dark, on a phone and a desktop', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const at = parlor.http;

  async function everywhere({ page }: Person, what: string): Promise<void> {
    for (const viewport of [DESKTOP, PHONE])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        t.same(await faults(page), [], `${what}, ${viewport.width} px, ${colorScheme}`);
      }
    await page.setViewportSize(DESKTOP);
  }
  const bob = await parlor.join('42', 'user=bob');
  const alice = await visit(browser, { at, hash: 'room=42' });
  await everywhere(alice, 'the entrance');
  await alice.page.getByLabel('Your name').fill('Alice');
  await alice.page.keyboard.press('Enter');
  await alice.page.getByText('2 of 2 seats taken').waitFor();
  await everywhere(alice, 'an empty room');
  bob.send({ type: 'post', text: 'Look at https://example.com' });
  bob.send({ type: 'typing' });
  await alice.say('I have');
  await alice.page.locator('.state', { hasText: 'Sent' }).waitFor();
  await alice.page.getByRole('textbox', { name: /^Message/ }).fill('x'.repeat(2_049));
  await alice.page.getByText('1 character too many').waitFor();
  await everywhere(alice, 'a conversation');
  await alice.page.setViewportSize(PHONE);
  await alice.page.getByRole('button', { name: 'Members', exact: true }).click();
  t.same(await faults(alice.page), [], 'the members, over the conversation');
  await alice.page.keyboard.press('Escape');
  await alice.page.getByRole('link', { name: 'All rooms' }).click();
  t.same(await faults(alice.page), [], 'the list on a phone');
  await alice.page.setViewportSize(DESKTOP);
  for (const name of ['Add a room', /Your name and settings/]) {
    await alice.page.getByRole('button', { name }).first().click();
    await everywhere(alice, String(name));
    await alice.page.keyboard.press('Escape');
  }
  const carol = await visit(browser, { at, hash: 'room=42', name: 'Carol' });
  await carol.page.getByRole('heading', { name: 'This room is full' }).waitFor();
  await everywhere(carol, 'a full room');
});

t.test('the keyboard alone is enough', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const { page } = await visit(browser, { at: parlor.http });
  const focused = (): Promise<string> =>
    page.evaluate<string>(
      `(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent).trim()`,
    );
  const tabTo = async (name: RegExp, key = 'Tab'): Promise<void> => {
    for (let i = 0; i < 30; i++) {
      if (name.test(await focused())) return;
      await page.keyboard.press(key);
    }
    throw new Error(`the keyboard does not reach ${String(name)}`);
  };
  await page.keyboard.type('Alice');
  await page.keyboard.press('Enter');
  await page.getByText('1 here').waitFor();
  await until(async () => (await focused()) === 'Message to lobby', {
    what: 'the message field to have the focus',
  });
  await page.keyboard.type('Hello from a keyboard');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('in two lines');
  await page.keyboard.press('Enter');
  await page.locator('.state', { hasText: 'Sent' }).waitFor();
  t.equal(await page.locator('.message .text').innerText(), 'Hello from a keyboard\nin two lines');
  t.equal(await focused(), 'Message to lobby', 'the focus stays');

  await tabTo(/^Messages in lobby/, 'Shift+Tab');
  await tabTo(/^Add a room/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await tabTo(/^$/);
  await page.keyboard.type('tea');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'tea' }).waitFor();
  await page.getByText('1 here').waitFor();
  await until(async () => (await focused()) === 'Message to tea', { what: 'the field of the new room' });
  await tabTo(/^Members/, 'Shift+Tab');
  t.equal(
    await page.getByRole('button', { name: 'Members', exact: true }).getAttribute('aria-expanded'),
    'true',
  );
  await page.keyboard.press('Enter');
  await page.locator('#members').waitFor({ state: 'detached' });
  await page.keyboard.press('Enter');
  await page.locator('#members').waitFor();
  await tabTo(/^Leave this room/);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'lobby' }).waitFor();

  await page.reload();
  await page.getByText('1 here').waitFor();
  await tabTo(/^Messages in lobby/, 'Shift+Tab');
  await tabTo(/^Skip to the conversation/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  t.equal(await focused(), 'Message to lobby');
});

t.test('Enter that ends a composition posts nothing', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  const browser = await startBrowser();
  t.teardown(() => browser.close());
  const alice = await visit(browser, { at: parlor.http, name: 'Alice' });
  const { page, context } = alice;
  await page.getByText('1 here').waitFor();
  const field = page.getByRole('textbox', { name: /^Message/ });
  await field.click();
  const cdp = await context.newCDPSession(page);
  const enter = (keyCode: number) => ({ key: 'Enter', code: 'Enter', windowsVirtualKeyCode: keyCode });

  await cdp.send('Input.imeSetComposition', { text: 'にほんご', selectionStart: 4, selectionEnd: 4 });
  await cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...enter(229) });
  await cdp.send('Input.insertText', { text: '日本語' });
  await cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', ...enter(13) });
  t.equal(await field.inputValue(), '日本語', 'Chromium: chosen, not sent');

  // In Safari the composition ends before the key is told, which then says nothing of a composition.
  await page.evaluate(`{
    const field = document.getElementById('message');
    const key = (type) => new KeyboardEvent(type, { key: 'Enter', keyCode: 13, bubbles: true, cancelable: true });
    field.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }));
    field.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '日本語' }));
    field.dispatchEvent(key('keydown'));
    field.dispatchEvent(key('keyup'));
  }`);
  t.equal(await field.inputValue(), '日本語', 'Safari: chosen, not sent');
  t.same(await alice.texts(), []);
  await field.press('Enter');
  await alice.sees('日本語');
  t.same(await alice.texts(), ['日本語'], 'the next Enter sends, once');
});
