import {
  chromium,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core';
import { ensureChromium } from './chromium.js';

/** Headless, as root too, and without talking to anybody but those who are tested. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** A real Chromium; `close` it. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: ensureChromium(), args: ARGS });
}

/** Somebody in front of the chat page, with a browser profile of their own. */
export interface Person {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained about: errors in its console, what it blocked, requests to anywhere else. */
  readonly complaints: readonly string[];
  /** Writes a message, and presses Enter. */
  say(text: string): Promise<void>;
  /** Resolves when a message with this text in it is there. */
  sees(text: string, timeoutMs?: number): Promise<void>;
  /** The texts on the screen, from top to bottom. */
  texts(): Promise<readonly string[]>;
}

export interface Visit {
  /** The address of the server, without a slash at the end. */
  readonly at: string;
  /** As in the address: `room=42`. */
  readonly hash?: string;
  /** What to answer at the entrance; null: nothing. */
  readonly name?: string | null;
  readonly options?: BrowserContextOptions;
}

/** Opens the page as somebody new, who gives a name. */
export async function visit(
  browser: Browser,
  { at, hash = '', name = null, options }: Visit,
): Promise<Person> {
  const context = await browser.newContext({ viewport: DESKTOP, locale: 'en-GB', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (line) => {
    // What cannot be reached is told there, too; the page shows it in its own words.
    if (line.type() === 'error' && !/net::ERR_|WebSocket connection|status of (4|5)\d\d/.test(line.text()))
      complaints.push(line.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== new URL(at).origin)
      complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(`${at}/${hash === '' ? '' : `#${hash}`}`);
  if (name !== null) {
    await page.getByLabel('Your name').fill(name);
    await page.keyboard.press('Enter');
  }
  return {
    page,
    context,
    complaints,
    async say(text) {
      const field = page.getByRole('textbox', { name: /^Message to/ });
      await field.fill(text);
      await field.press('Enter');
    },
    sees: (text, timeoutMs = 15_000) =>
      page.locator('.message .text', { hasText: text }).first().waitFor({ timeout: timeoutMs }),
    texts: () => page.locator('.message .text').allInnerTexts(),
  };
}
