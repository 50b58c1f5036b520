import { readFileSync } from 'node:fs';
import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { openHttpConnection, type HttpConnection } from './http-connection.js';
import { emptyHistogram, record } from './http-latency.js';
import type { FromPoster, HttpPlan, PosterResult, ToPoster } from './http-plan.js';

/** One process that posts over HTTP: started, told and asked by http.ts. */

const QUIET_MS = 5_000;
/** Connections that are being opened at once. */
const AT_A_TIME = 100;
/** Open loop: posts are planned for whole steps of so many ms, several for one where the rate asks for it. */
const STEP_MS = 1;
const RETRY_LATER: ReadonlySet<number> = new Set([429, 503]);

interface Slot {
  connection: HttpConnection | null;
  /** When the post under way was planned. */
  plannedAt: number;
  /** Planned times of the posts that wait for this connection, the oldest first. */
  readonly waiting: number[];
}

const plan = JSON.parse(process.argv[2] ?? '{}') as HttpPlan;
const tokens = plan.tokensFile === undefined ? [] : readFileSync(plan.tokensFile, 'utf8').trim().split('\n');
const requests = Array.from({ length: Math.max(plan.rooms, tokens.length) }, (_, i) =>
  requestTo(i % plan.rooms, tokens[i % tokens.length]),
);
const slots = Array.from({ length: plan.connections }, (): Slot => ({
  connection: null,
  plannedAt: 0,
  waiting: [],
}));
const latency = emptyHistogram();
const goodLatency = emptyHistogram();
const byStatus: Record<string, number> = {};
let next = 0;
let posting = false;
/** The window, in performance.now(). */
let begun = Infinity;
let ended = Infinity;
let posts = 0;
let retryAfter = 0;
let lost = 0;
let underWay = 0;
let quiet: (() => void) | null = null;

for (let from = 0; from < slots.length; from += AT_A_TIME)
  await Promise.all(slots.slice(from, from + AT_A_TIME).map(open));
const orders = listen();
say({ says: 'ready' });
await orders('post');
posting = true;
if (plan.load.type === 'closed') slots.forEach((slot) => post(slot, performance.now()));
else keepPlanning(plan.load.perSecond);
await orders('measure');
begun = performance.now();
const cpu = process.cpuUsage();
await new Promise((over) => setTimeout(over, plan.seconds * 1000));
ended = performance.now();
const used = process.cpuUsage(cpu);
const unsent = slots.reduce((sum, slot) => sum + abandon(slot), 0);
say({ says: 'measured' });
await orders('stop');
posting = false;
await untilQuiet();
const result: PosterResult = {
  posts,
  byStatus,
  retryAfter,
  seconds: (ended - begun) / 1000,
  cpuSeconds: (used.user + used.system) / 1e6,
  latency: encodeIntoCompressedBase64(latency),
  goodLatency: encodeIntoCompressedBase64(goodLatency),
  lost: lost + underWay,
  unsent,
};
say({ says: 'done', result });

function requestTo(room: number, token: string | undefined): Buffer {
  const body = JSON.stringify({ user: 'user-7', text: 'x'.repeat(plan.textBytes) });
  return Buffer.from(
    `POST /api/rooms/channel:post-${room}/messages HTTP/1.1\r\nHost: 127.0.0.1:${plan.port}\r\n` +
      (token === undefined ? '' : `Authorization: Bearer ${token}\r\n`) +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

async function open(slot: Slot): Promise<void> {
  slot.connection = await openHttpConnection(plan.port, {
    answered({ status, retryAfter: saysWhen }) {
      const now = performance.now();
      underWay--;
      if (now >= begun && now < ended) {
        byStatus[status] = (byStatus[status] ?? 0) + 1;
        if (saysWhen && RETRY_LATER.has(status)) retryAfter++;
      }
      if (isMeasured(slot.plannedAt)) {
        record(latency, (now - slot.plannedAt) * 1000);
        if (status === 201) record(goodLatency, (now - slot.plannedAt) * 1000);
      }
      goOn(slot, now);
    },
    ended(unanswered) {
      if (unanswered) {
        underWay--;
        lost++;
      }
      goOn(slot, performance.now());
    },
  });
}

/** A connection is free: the post that waits for it longest leaves, or in a closed loop the next one. */
function goOn(slot: Slot, now: number): void {
  if (underWay === 0) quiet?.();
  if (!posting) return;
  if (plan.load.type === 'closed') return post(slot, now);
  const plannedAt = slot.waiting.shift();
  if (plannedAt !== undefined) post(slot, plannedAt);
}

function post(slot: Slot, plannedAt: number): void {
  const request = requests[next];
  if (!request) throw new RangeError('there are no rooms to post to');
  next = (next + 1) % requests.length;
  slot.plannedAt = plannedAt;
  underWay++;
  const now = performance.now();
  if (now >= begun && now < ended) posts++;
  slot.connection?.post(request);
}

/** Plans posts until posting stops, connection after connection in turn, whatever the server does. */
function keepPlanning(perSecond: number): void {
  const start = performance.now();
  let planned = 0;
  let step = 0;
  const go = (): void => {
    if (!posting) return;
    const now = performance.now();
    for (; start + step * STEP_MS <= now; step++) {
      const due = Math.floor((step * STEP_MS * perSecond) / 1000);
      for (; planned < due; planned++) {
        const slot = slots[planned % slots.length];
        if (!slot?.connection) continue;
        const plannedAt = start + step * STEP_MS;
        if (slot.connection.busy) slot.waiting.push(plannedAt);
        else post(slot, plannedAt);
      }
    }
    setTimeout(go, STEP_MS);
  };
  go();
}

function isMeasured(plannedAt: number): boolean {
  return plannedAt >= begun && plannedAt < ended;
}

/** At the window's end: what still waits for a connection counts with the time it has waited, and never leaves. */
function abandon(slot: Slot): number {
  const measured = slot.waiting.splice(0).filter(isMeasured);
  for (const plannedAt of measured) record(latency, (ended - plannedAt) * 1000);
  return measured.length;
}

function untilQuiet(): Promise<void> {
  if (underWay === 0) return Promise.resolve();
  return new Promise((resolve) => {
    quiet = resolve;
    setTimeout(resolve, plan.quietMs ?? QUIET_MS);
  });
}

function say(words: FromPoster): void {
  process.send?.(words);
}

/** Takes the parent's orders; each call waits for one, which has to be this. */
function listen(): (expected: ToPoster) => Promise<void> {
  const arrived: ToPoster[] = [];
  let wake: (() => void) | null = null;
  process.on('message', (order: ToPoster) => {
    arrived.push(order);
    wake?.();
  });
  process.on('disconnect', () => process.exit(1));
  return async (expected) => {
    if (arrived.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    const order = arrived.shift();
    if (order !== expected) throw new Error(`told to ${order}, expected ${expected}`);
  };
}
