import type { Test } from 'tap';
import type { Client, Parlor } from '../../support/parlor.js';
import { until } from '../../support/until.js';
import { readRoom, unready } from './chat.js';
import { roomsAt, type Cluster } from './cluster.js';
import { untilMetric } from './metrics.js';

/** How the link of a node is lost: its connections end, or nothing comes through any more. */
export type Cut = 'visibly' | 'silently';

const PATIENCE = { timeoutMs: 30_000 };

/**
 * Alice and eve are connected to a node whose link is cut. Meanwhile bob posts, eve is thrown out, and olga goes. When
 * the link is mended nothing more happens in the room, and they learn it all the same.
 */
export async function blip(t: Test, cluster: Cluster, cut: Cut): Promise<void> {
  const homes = await cluster.homes();
  const home = [...homes.values()][0];
  const [away, other] = cluster.nodes.filter((node) => node !== home);
  if (!home || !away || !other) throw new Error('a cluster has three nodes');
  const [room = ''] = roomsAt(homes, [home], ['group:blip-'], 1);
  const policy = await home.parlor.send('PUT', `/api/rooms/${room}`, { grace_ms: 0 });
  t.equal(policy.status, 201);
  const [alice, eve] = [await away.parlor.join(room, 'user=alice'), await away.parlor.join(room, 'user=eve')];
  const [bob, olga] = [await other.parlor.join(room, 'user=bob'), await home.parlor.join(room, 'user=olga')];
  await until(() => namesSeenBy(alice) === 'alice,bob,eve,olga', {
    ...PATIENCE,
    what: 'alice to see all four',
  });

  const waiting = follow(away.parlor, room);
  await untilMetric(away.parlor, 'parlor_long_polls', 1);
  if (cut === 'visibly') await away.link.refuse();
  else away.link.hang();
  bob.send({ type: 'post', text: 'are you there?' });
  await bob.next('ack');
  t.equal((await other.parlor.send('DELETE', `/api/rooms/${room}/members/eve`)).status, 204);
  await olga.close();
  await until(() => namesSeenBy(bob) === 'alice,bob', { ...PATIENCE, what: 'bob to see who is left' });
  await until(() => unready(away.parlor), { ...PATIENCE, what: 'the node to notice that its link is cut' });
  t.same(seenMeanwhile(alice), [], 'nothing comes through');
  await away.link.recover();
  t.match(
    await waiting,
    [{ type: 'message_posted', text: 'are you there?' }],
    'who waits for events gets them',
  );

  const missed = await alice.next('message');
  t.match(missed, { user: 'bob', text: 'are you there?' }, 'the last message is shown');
  t.equal((await eve.closed).code, 4403, 'who was thrown out is not connected any more');
  await until(() => namesSeenBy(alice) === 'alice,bob', {
    ...PATIENCE,
    what: () => `alice to see who is left; she sees ${namesSeenBy(alice)}`,
  });
  t.same([...(await readRoom(away.parlor, room)).members].sort(), ['alice', 'bob']);
  alice.send({ type: 'post', text: 'yes' });
  t.match(await bob.count('message', 2), [{}, { user: 'alice', text: 'yes' }], 'and she has her seat');
}

/** The events behind the end of a room, waited for at a node. */
async function follow(parlor: Parlor, room: string): Promise<unknown[]> {
  let { head_seq: after }: { head_seq: string | number } = await readRoom(parlor, room);
  for (;;) {
    const answer = await parlor.get(`/api/events?room_id=${room}&after=${after}&limit=1&wait=30000`);
    const page = (await answer.json()) as { events: unknown[]; cursor: string };
    if (page.events.length > 0) return page.events;
    after = page.cursor;
  }
}

/** The members of a room as a client knows them from its frames. */
function namesSeenBy({ frames }: Client): string {
  const names = new Set<string>();
  for (const { type, user, members } of frames) {
    if (type === 'welcome' || type === 'members') {
      names.clear();
      for (const name of members as string[]) names.add(name);
    } else if (type === 'joined') names.add(String(user));
    else if (type === 'left' || type === 'member_kicked') names.delete(String(user));
  }
  return [...names].sort().join();
}

function seenMeanwhile({ frames }: Client): string[] {
  return frames.map(({ type }) => type).filter((type) => ['message', 'left', 'member_kicked'].includes(type));
}
