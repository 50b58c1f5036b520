import t from 'tap';
import { turns } from '../support/clock.js';
import { startNode, type Client } from '../support/engine.js';

t.test('everybody knows who is in the room: welcome, and joined and left applied to it', async (t) => {
  const node = await startNode(t, { policy: { grace_ms: 0 } });
  const clients: Client[] = [];
  for (let i = 0; i < 60; i++) {
    if (i % 3 === 2) clients.at(-2)?.close();
    clients.push(node.connect('42', `user-${i}`));
    await turns(i % 5);
  }
  await node.quiet();
  const here = clients.filter(({ isOpen }) => isOpen);
  const names = here.map(({ user }) => user).sort();
  for (const client of here) t.same(client.roster, names, client.user);
});

t.test('who comes and is kicked while somebody is being let in is not there for that one', async (t) => {
  for (let gap = 0; gap < 10; gap++) {
    const node = await startNode(t);
    await node.join('42', 'anna');
    const carol = node.connect('42', 'carol');
    await turns(gap % 3);
    node.connect('42', 'bob');
    await turns(gap);
    const answer = await node.request({ type: 'kick', room_id: '42', user: 'bob' });
    await node.quiet();
    const names = answer.type === 'done' ? ['anna', 'carol'] : ['anna', 'bob', 'carol'];
    t.same(carol.roster, names, `${gap} turns apart`);
  }
});

t.test('who comes and goes while somebody is being let in is known to that one, too', async (t) => {
  for (let gap = 0; gap < 10; gap++) {
    const node = await startNode(t, { policy: { grace_ms: 0 } });
    const anna = await node.join('42', 'anna');
    const bob = await node.join('42', 'bob');
    const carol = node.connect('42', 'carol');
    await turns(gap);
    bob.close();
    const dave = node.connect('42', 'dave');
    await node.quiet();
    for (const client of [anna, carol, dave]) {
      t.same(client.roster, ['anna', 'carol', 'dave'], `${client.user}, ${gap} turns apart`);
    }
  }
});
