import type { RefObject } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import type { Chunk } from '../parts/chunks.js';
import { anchorAt, drawnAt, stepTo, topOf, type Anchor, type Drawn, type Part } from '../parts/heights.js';

export interface Window {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly list: RefObject<HTMLDivElement | null>;
  /** Which chunks are drawn. */
  readonly drawn: Drawn;
  /** The newest message is on the screen, and stays there when others come. */
  readonly isAtEnd: boolean;
  /** How much of the list is above the screen, px. */
  readonly distance: number;
  readonly toEnd: () => void;
  readonly scrolled: () => void;
}

/** How far around the screen messages are drawn, px: a quick flick sees no gap. */
const MORE = 600;
/** Chunks beside those on the screen that are drawn in one frame: a frame then takes the time of some twenty messages. */
const NEW_IN_FRAME = 1;
/** As good as at the end, px. */
const NEAR_END = 32;
/** The height of a message that has not been drawn yet, px. */
const GUESS = 52;
/** The space below the last message, px; as in the style. */
const END = 8;
/** Before the first drawing. */
const SCREEN = 900;

/**
 * Where somebody reads: at the end (null), or at a message, which stays in its place on the screen whatever is loaded, or
 * grows, above it. The chunk is there for the time before its messages are drawn.
 */
type Reading = (Anchor & { readonly id: string | null; readonly below: number }) | null;

/** Draws the chunks around the place that is read. Heights are measured when chunks are drawn, and guessed before. */
export function useWindow(chunks: readonly Chunk<unknown>[]): Window {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  const reading = useRef<Reading>(null);
  const screen = useRef(SCREEN);
  /** The chunks that are in the document, and the height of the space that stands above few messages. */
  const inDocument = useRef<ReadonlySet<string>>(new Set());
  const padding = useRef(0);
  const redrawSoon = useRedraw();

  const parts: readonly Part[] = chunks.map(({ key, messages }) => ({
    key,
    height: heights.current.get(key) ?? messages.length * GUESS,
  }));
  const total = parts.reduce((sum, { height }) => sum + height, 0);
  const { current: place } = reading;
  const top = place && topOf(parts, place.key);
  if (top === null) reading.current = null;
  const distance = place && top !== null ? top + place.offset : total - screen.current;
  const view = { distance, height: screen.current };
  const wanted = drawnAt(parts, view, MORE);
  const drawn = stepTo(wanted, parts, view, (key) => inDocument.current.has(key), NEW_IN_FRAME);

  const settle = (): void => {
    const [box, inner] = [scroller.current, list.current];
    if (!box || !inner) return;
    inDocument.current = new Set(parts.slice(drawn.first, drawn.end).map(({ key }) => key));
    let isOther = drawn.first !== wanted.first || drawn.end !== wanted.end;
    isOther ||= box.clientHeight !== screen.current;
    screen.current = box.clientHeight;
    for (const chunk of inner.querySelectorAll<HTMLElement>('.chunk')) {
      const { key = '' } = chunk.dataset;
      const { height } = chunk.getBoundingClientRect();
      if (Math.abs((heights.current.get(key) ?? 0) - height) > 0.5) isOther = true;
      heights.current.set(key, height);
    }
    // Few messages are at the bottom, where one writes.
    const all = parts.reduce((sum, { key, height }) => sum + (heights.current.get(key) ?? height), 0);
    const free = Math.max(0, box.clientHeight - (box.firstElementChild?.clientHeight ?? 0) - all - END);
    // Written only if it has changed: else the browser would lay everything out once more.
    if (free !== padding.current) inner.style.paddingTop = `${free}px`;
    padding.current = free;
    moveTo(box, inner, reading.current);
    if (isOther) redrawSoon();
  };
  const latest = useRef(settle);
  latest.current = settle;
  useLayoutEffect(settle);
  useEffect(() => {
    // The window, a keyboard on the screen, a font: what changes without a drawing of ours.
    const observer = new ResizeObserver(() => latest.current());
    if (scroller.current) observer.observe(scroller.current);
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, []);

  const scrolled = useCallback(() => {
    const [box, inner] = [scroller.current, list.current];
    if (!box || !inner) return;
    reading.current = readingAt(box, inner, latestParts.current);
    redrawSoon();
  }, []);
  const latestParts = useRef(parts);
  latestParts.current = parts;
  const toEnd = useCallback(() => {
    reading.current = null;
    redrawSoon();
  }, []);
  return { scroller, list, drawn, isAtEnd: reading.current === null, distance, toEnd, scrolled };
}

/** Draws again in the next frame: once, however often it is asked for meanwhile. */
function useRedraw(): () => void {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const asked = useRef(0);
  useEffect(() => () => cancelAnimationFrame(asked.current), []);
  return useCallback(() => {
    cancelAnimationFrame(asked.current);
    asked.current = requestAnimationFrame(() => redraw(undefined));
  }, []);
}

function moveTo(box: HTMLElement, inner: HTMLElement, place: Reading): void {
  if (!place) {
    box.scrollTop = box.scrollHeight;
    return;
  }
  const message = place.id === null ? null : inner.querySelector(`[data-id="${CSS.escape(place.id)}"]`);
  const chunk = message ?? inner.querySelector(`[data-key="${CSS.escape(place.key)}"]`);
  if (!chunk) return;
  const want = message ? place.below : place.offset;
  const now = box.getBoundingClientRect().top - chunk.getBoundingClientRect().top;
  // Half a pixel is the browser's rounding; to move by it would stop a scroll in progress.
  if (Math.abs(now - want) > 1) box.scrollTop += want - now;
}

function readingAt(box: HTMLElement, inner: HTMLElement, parts: readonly Part[]): Reading {
  if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END) return null;
  const edge = box.getBoundingClientRect().top;
  const anchor = anchorAt(parts, edge - inner.getBoundingClientRect().top);
  if (!anchor) return null;
  const chunk = inner.querySelector(`[data-key="${CSS.escape(anchor.key)}"]`);
  for (const message of chunk?.children ?? []) {
    const { top, bottom } = message.getBoundingClientRect();
    if (bottom > edge)
      return { ...anchor, id: (message as HTMLElement).dataset['id'] ?? null, below: edge - top };
  }
  return { ...anchor, id: null, below: 0 };
}
