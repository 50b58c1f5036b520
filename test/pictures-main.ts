/** Makes the pictures of the documentation from the running program: `node dist/test/pictures-main.js` (make pictures). */
import { mkdirSync } from 'node:fs';
import { DESKTOP, PHONE, startBrowser, visit, type Person } from './support/browser.js';
import { startParlor } from './support/parlor.js';
import { until } from './support/until.js';

const FOLDER = 'docs/pictures';
const ROOM = 'group:garden';

/** Who says what, in this order. */
const TALK: readonly (readonly ['Ada' | 'Grace' | 'Linus', string])[] = [
  ['Grace', 'Good morning! The seeds have come.'],
  ['Linus', 'All of them? Also the tomatoes?'],
  ['Grace', 'Tomatoes, beans, and something the label of which nobody can read.'],
  ['Ada', 'Then that is what we plant first. I have put the plan at https://garden.example/plan'],
  ['Linus', 'I can be there at four, with the good spade.'],
  ['Ada', 'Perfect. See you at four.'],
];

const parlor = await startParlor();
const browser = await startBrowser();
try {
  mkdirSync(FOLDER, { recursive: true });
  const at = parlor.http;
  const hash = `room=${ROOM}`;
  const ada = await visit(browser, {
    at,
    hash,
    name: 'Ada',
    options: { deviceScaleFactor: 2, colorScheme: 'light' },
  });
  const grace = await visit(browser, {
    at,
    hash,
    name: 'Grace',
    options: { viewport: PHONE, deviceScaleFactor: 2 },
  });
  const linus = await visit(browser, { at, hash, name: 'Linus' });
  const people = { Ada: ada, Grace: grace, Linus: linus };
  await ada.page.getByText('3 here').waitFor();
  for (const id of ['group:kitchen', '42']) {
    await linus.page.goto(`${at}/#room=${id}`);
    await linus.say(id === '42' ? 'Only the two of us fit in here.' : 'There is soup.');
    await linus.page.locator('.state', { hasText: 'Sent' }).waitFor();
    await ada.page.goto(`${at}/#room=${id}`);
    await ada.page.locator('.message').first().waitFor();
  }
  for (const { page } of [ada, linus]) await page.goto(`${at}/#${hash}`);
  for (const [who, text] of TALK) {
    await people[who].say(text);
    for (const person of Object.values(people)) await person.sees(text);
  }
  // Told once every two seconds, and he has just written.
  const typing = ada.page.locator('.typing', { hasText: 'Linus is typing' });
  const field = linus.page.getByRole('textbox', { name: /^Message/ });
  await until(
    async () => {
      await field.press('a');
      return typing.isVisible();
    },
    { intervalMs: 200, what: 'Linus to be seen typing' },
  );
  await shoot(ada, 'page');
  await ada.page.emulateMedia({ colorScheme: 'dark' });
  await shoot(ada, 'page-dark');
  await grace.page.setViewportSize(PHONE);
  await shoot(grace, 'page-phone');
} finally {
  await browser.close();
  await parlor.end();
}

async function shoot({ page }: Person, name: string): Promise<void> {
  if (name !== 'page-phone') await page.setViewportSize(DESKTOP);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
}
