import { openClient, openMany, type Client } from './client.js';
import { textFrame } from './frames.js';
import type { Load, LoadResult } from './load.js';
import { pause, say, told } from './parent.js';

const WARM_UP_MS = 1000;

/**
 * Opens the connections, says `ready`, and on a line from its parent posts in a closed loop: when the first member
 * of a room sees a message, the next member posts one. Counts what arrives after the warm-up.
 */
async function generate(load: Load): Promise<LoadResult> {
  let deliveries = 0;
  let posts = 0;
  let posting = false;
  const frame = textFrame(load.post);
  const rooms: Client[][] = Array.from({ length: load.rooms }, () => []);
  const turns = new Array<number>(load.rooms).fill(0);

  function next(room: number): void {
    const members = rooms[room] ?? [];
    const turn = ((turns[room] ?? 0) + 1) % members.length;
    turns[room] = turn;
    posts++;
    members[turn]?.post(frame);
  }

  await openMany(load.rooms * load.membersPerRoom, async (index) => {
    const room = index % load.rooms;
    const client = await openClient({
      port: load.port,
      path: `/ws/updates/channel:bench-${room}?user=user-${index}`,
      greets: load.greets,
      onFrame(_opcode, bytes) {
        if (bytes < load.messageBytes) return;
        deliveries++;
        if (posting && index < load.rooms) next(room);
      },
    });
    rooms[room]?.push(client);
  });
  say('ready');
  await told();
  posting = load.inFlight > 0;
  for (let room = 0; posting && room < load.rooms; room++) {
    for (let i = 0; i < load.inFlight; i++) next(room);
  }
  await pause(WARM_UP_MS);
  const begun = performance.now();
  const cpu = process.cpuUsage();
  const before = { deliveries, posts };
  await pause(load.seconds * 1000);
  const used = process.cpuUsage(cpu);
  return {
    deliveries: deliveries - before.deliveries,
    posts: posts - before.posts,
    seconds: (performance.now() - begun) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

say(JSON.stringify(await generate(JSON.parse(process.argv[2] ?? '{}') as Load)));
process.exit(0);
