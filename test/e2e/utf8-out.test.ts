import t from 'tap';
import { startParlor } from '../support/parlor.js';
import { exchange } from './support/raw.js';
import { oneTo } from './support/chat.js';

/** All of it is in Latin-1, so V8 keeps it in one byte a character. */
const TEXT = 'Grüße, ça va? ñ';

t.test('what is sent is UTF-8, also text that would fit into Latin-1', async (t) => {
  const parlor = await startParlor();
  t.teardown(() => parlor.end());
  // Few are sent each frame one by one, many by a topic. The client ends a connection on which a frame is not UTF-8.
  for (const [room, count] of [
    ['few', 2],
    ['group:many', 12],
  ] as const) {
    const people = [];
    for (const n of oneTo(count))
      people.push(await parlor.join(room, `user=${encodeURIComponent(`José ${n}`)}`));
    const [first, last] = [people[0], people.at(-1)];
    first?.send({ type: 'post', text: TEXT });
    const message = await last?.next('message');
    t.match(message, { text: TEXT, user: 'José 1' }, `to ${count} people`);
    await Promise.all(people.map((one) => one.close()));
  }
  const bodyOf = async (line: string, body = ''): Promise<string> => {
    const head = [
      'Host: localhost',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    const answer = await exchange(parlor.port, `${line} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`);
    return answer?.body ?? '';
  };
  const post = JSON.stringify({ text: TEXT, user: 'José' });
  t.match(
    JSON.parse(await bodyOf('POST /api/rooms/posts/messages', post)),
    { text: TEXT, user: 'José' },
    'an answer',
  );
  t.match(
    JSON.parse(await bodyOf('GET /api/rooms/posts/messages')),
    { messages: [{ text: TEXT }] },
    'a page',
  );
  const unknown = await bodyOf('POST /api/rooms/posts/messages', JSON.stringify({ text: TEXT, é: 1 }));
  t.match(unknown, /é is not a known field|\/é/, 'a refusal');
});
