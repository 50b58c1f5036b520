import { openClient, openMany, type Client } from './client.js';
import { textFrame } from './frames.js';
import type { PostLoad, PostResult } from './load.js';
import { pause, say, told } from './parent.js';
import { Samples } from './samples.js';

/** Where a frame's type begins, and the first letters by which the frames that matter here differ. */
const LETTER_AT = '{"type":"'.length;
const ACK = 'a'.charCodeAt(0);
const ERROR = 'e'.charCodeAt(0);
const CLOSE = 8;

/** The only member of a room. */
interface Poster {
  client: Client | null;
  /** When each post that has no ack yet was sent, the oldest first: acks of one connection come in order. */
  readonly sentAt: number[];
  /** Posts that go out at the end of this read. */
  due: number;
}

/**
 * Opens a connection to each room and says `ready`; on a line from its parent it posts in a closed loop: for each ack
 * the room that has been silent longest posts next. Says `begun` after the warm-up, then the result, then waits to be
 * killed, so that nothing of its end is measured.
 */
async function generate(load: PostLoad): Promise<PostResult> {
  const posters = Array.from({ length: load.rooms }, (): Poster => ({ client: null, sentAt: [], due: 0 }));
  const silent = posters.slice(load.inFlight);
  let longest = 0;
  let due: Poster[] = [];
  let posting = false;
  let faults = 0;
  let latencies: Samples | null = null;
  const frame = textFrame(load.post);
  const frames: Buffer[] = [];

  function post(poster: Poster): void {
    if (poster.due++ === 0) due.push(poster);
  }

  /** Posts of one connection share a write, as a client's that are made in one turn do. */
  function flush(): void {
    if (due.length === 0) return;
    const now = performance.now();
    for (const poster of due) {
      for (let i = 0; i < poster.due; i++) poster.sentAt.push(now);
      poster.client?.post((frames[poster.due] ??= Buffer.concat(Array<Buffer>(poster.due).fill(frame))));
      poster.due = 0;
    }
    due = [];
  }

  function answered(poster: Poster): void {
    const sentAt = poster.sentAt.shift();
    if (sentAt !== undefined) latencies?.add(performance.now() - sentAt);
    if (!posting) return;
    const next = silent[longest] ?? poster;
    if (silent.length > 0) {
      silent[longest] = poster;
      longest = (longest + 1) % silent.length;
    }
    post(next);
  }

  await openMany(load.rooms, async (index) => {
    const poster = posters[index] as Poster;
    poster.client = await openClient({
      port: load.port,
      path: `/ws/updates/channel:bench-${index}?user=user-${index}`,
      greets: true,
      letterAt: LETTER_AT,
      onFrame(opcode, _bytes, letter) {
        if (opcode === CLOSE || letter === ERROR) faults++;
        if (letter === ACK || letter === ERROR) answered(poster);
      },
      onRead: flush,
    });
  });
  say('ready');
  await told();
  posting = true;
  for (let i = 0; i < load.inFlight; i++) post(posters[i % load.rooms] as Poster);
  flush();
  await pause(load.warmUpMs);
  const measured = (latencies = new Samples());
  const begun = performance.now();
  const cpu = process.cpuUsage();
  say('begun');
  await pause(load.seconds * 1000);
  const used = process.cpuUsage(cpu);
  const seconds = (performance.now() - begun) / 1000;
  posting = false;
  latencies = null;
  return {
    acks: measured.count,
    faults,
    seconds,
    cpuSeconds: (used.user + used.system) / 1e6,
    p50: measured.quantile(0.5),
    p99: measured.quantile(0.99),
  };
}

say(JSON.stringify(await generate(JSON.parse(process.argv[2] ?? '{}') as PostLoad)));
