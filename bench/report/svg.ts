/**
 * A picture is shown on a light and on a dark page alike, and does not know on which (a page's theme need not be the
 * system's): it has no background, and its colours can be read on both.
 */
export const COLOURS = { text: '#717a84', grid: '#8b949e', core: '#1f2328', halo: '#ffffff' } as const;

/** Each target looks the same in every chart. */
const TARGETS: Readonly<Record<string, string>> = {
  parlor: '#79b8ff',
  'parlor-sqlite': '#1f6feb',
  'parlor-before': '#6e7781',
  'parlor-rabbitmq': '#8957e5',
  'uws-gathered': '#1b9e9e',
  'uws-raw': '#3fa34d',
  'uws-relay': '#7d8f2b',
  ws: '#d29922',
  'socket.io': '#cf5b56',
  centrifugo: '#bf5baf',
};
const OTHERS = '#8b949e';

export function colourOf(target: string): string {
  return TARGETS[target] ?? OTHERS;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for an element or an attribute; what XML cannot hold at all is left out. */
export function escapeXml(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- XML 1.0 section 2.2: these are no characters of it.
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
  );
}

type Attributes = Readonly<Record<string, string | number>>;

/** An element; its content, if any, is markup already. */
export function element(name: string, attributes: Attributes, content?: string): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(typeof value === 'number' ? short(value) : value)}"`)
    .join('');
  return content === undefined ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`;
}

export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, fill: COLOURS.text, ...attributes }, escapeXml(text));
}

/** The whole picture, with a title that is drawn and read out. */
export function picture(width: number, height: number, title: string, content: readonly string[]): string {
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'font-family': 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif',
      'font-size': 13,
    },
    [
      '',
      element('title', {}, escapeXml(title)),
      label(16, 26, title, { 'font-size': 16, 'font-weight': 600 }),
      ...content,
      '',
    ].join('\n'),
  )}\n`;
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Round values from 0 to at least `most`: about five of them. */
export function ticks(most: number): number[] {
  if (!(most > 0) || !Number.isFinite(most)) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const count = Math.ceil((most / step) * 0.999);
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

/** A number on an axis: 2,500,000 is 2.5 M. */
export function axisText(value: number): string {
  const trim = (of: number): string => of.toLocaleString('en', { maximumFractionDigits: 3 });
  if (Math.abs(value) >= 1e6) return `${trim(value / 1e6)} M`;
  if (Math.abs(value) >= 1e4) return `${trim(value / 1e3)} k`;
  return trim(value);
}
