import t from 'tap';
import { until } from '../support/until.js';
import { metrics, untilMetric } from './support/metrics.js';
import { frameBytes, openRaw } from './support/raw.js';
import { ATTACKED, besiege } from './support/witnesses.js';

const HERE = `/ws/updates/${ATTACKED}`;

/** Text frames that are refused; who sent them stays connected. */
const FRAMES: readonly (readonly [name: string, frame: string])[] = [
  ['an empty frame', ''],
  ['no JSON', 'Hello'],
  ['JSON that ends too early', '{"type":"post","text":"Hel'],
  ['JSON behind JSON', '{"type":"typing"}{"type":"typing"}'],
  ['null', 'null'],
  ['a number', '42'],
  ['a text', '"post"'],
  ['a list', '[{"type":"typing"}]'],
  ['no type', '{"text":"Hello"}'],
  ['a number for type', '{"type":1}'],
  ['an unknown type', '{"type":"shutdown"}'],
  ['a type of the server', '{"type":"message","text":"Hello"}'],
  ['a field of every object for type', '{"type":"__proto__"}'],
  ['a method of every object for type', '{"type":"toString"}'],
  ['an unknown field', '{"type":"post","text":"Hello","user":"alice"}'],
  ['an unknown field of typing', '{"type":"typing","text":"Hello"}'],
  ['no text', '{"type":"post"}'],
  ['a number for text', '{"type":"post","text":7}'],
  ['an object for text', '{"type":"post","text":{"toString":"x"}}'],
  ['an empty text', '{"type":"post","text":""}'],
  ['a text of white space', '{"type":"post","text":" \\n\\t "}'],
  ['2,049 characters', JSON.stringify({ type: 'post', text: 'x'.repeat(2049) })],
  ['2,049 characters of four bytes', JSON.stringify({ type: 'post', text: '😀'.repeat(2049) })],
  ['a lone surrogate', '{"type":"post","text":"a\\ud800b"}'],
  ['a NUL', '{"type":"post","text":"a\\u0000b"}'],
  ['an id that is no UUID', '{"type":"post","text":"Hello","id":"1"}'],
  ['an id with a slash', '{"type":"post","text":"Hello","id":"a/b"}'],
  ['an id of 65 characters', JSON.stringify({ type: 'post', text: 'Hello', id: 'i'.repeat(65) })],
  ['JSON 60,000 lists deep', '['.repeat(60_000)],
  ['60 kilobytes of rubbish', 'eyJhbGciOiJub25lIn0.'.repeat(3_000)],
];

t.test('a bad frame is told what is wrong with it, and its sender and everybody else go on', async (t) => {
  const { parlor, ...besieged } = await besiege(t);
  const mallory = await parlor.join(ATTACKED, 'user=mallory');
  for (const [name, frame] of FRAMES) {
    mallory.send(frame);
    const error = await mallory.next('error');
    t.match(error, { code: 'bad_request', message: /\w{4}/ }, `${name}: ${String(error['message'])}`);
    await besieged.unharmed(t, name);
  }
  mallory.socket.send(Buffer.from('{"type":"typing"}'), { binary: true });
  t.match(await mallory.next('error'), { code: 'bad_request', message: /binary/ });
  mallory.send('{"type":"typing"}');
  await mallory.next('typing');
  t.equal(mallory.of('ack').length, 0, 'nothing of all this was posted');
  t.equal(mallory.socket.readyState, mallory.socket.OPEN, 'and the connection still stands');
});

t.test('the id of a bad post is told with the error', async (t) => {
  const { parlor } = await besiege(t);
  const mallory = await parlor.join(ATTACKED, 'user=mallory');
  const id = '0190a6f2-7b3c-7d4e-8f5a-6b7c8d9e0f1a';
  mallory.send({ type: 'post', id, text: '' });
  t.match(await mallory.next('error'), { code: 'bad_request', id });
});

const WELCOMED = '{"type":"post","text":"Hello"}';

/** What breaks the protocol itself, and how the connection ends: with this error and code, or dropped (1006). */
const BREACHES: readonly (readonly [
  name: string,
  bytes: readonly Buffer[],
  close: number,
  error?: string,
])[] = [
  ['a frame over the limit', [frameBytes('x'.repeat(65_537))], 4413, 'payload_too_large'],
  ['a frame of twice the limit', [frameBytes('x'.repeat(131_072))], 4413, 'payload_too_large'],
  ['the head of a frame beyond that', [frameBytes('x', { length: 131_073 })], 1006],
  ['a frame of a megabyte', [frameBytes('x'.repeat(1 << 20))], 1006],
  ['fragments that are far too much together', fragments('x'.repeat(200_000), 50_000), 1006],
  ['a frame that says it has 2⁶² bytes', [frameBytes('x', { length: 2 ** 62 })], 1006],
  ['fragments that are too much together', fragments('x'.repeat(70_000), 7_000), 4413, 'payload_too_large'],
  ['text that is no UTF-8', [frameBytes(Buffer.from([0x22, 0xff, 0xfe, 0x22]))], 1006],
  ['text that is half a character', [frameBytes(Buffer.from([0xe2, 0x82]))], 1006],
  ['a continuation of nothing', [frameBytes(WELCOMED, { opcode: 0 })], 1006],
  ['a text inside of a text', [frameBytes('{', { fin: false }), frameBytes(WELCOMED)], 1006],
  ['an opcode that does not exist', [frameBytes(WELCOMED, { opcode: 3 })], 1006],
  ['a compressed frame that nobody agreed on', [frameBytes(WELCOMED, { reserved: 4 })], 1006],
  ['a ping of 200 bytes', [frameBytes('x'.repeat(200), { opcode: 9 })], 1006],
  ['a ping in fragments', [frameBytes('x', { opcode: 9, fin: false })], 1006],
  ['a close frame of one byte', [frameBytes('x', { opcode: 8 })], 1006],
  ['HTTP instead of frames', [Buffer.from('GET /api/rooms HTTP/1.1\r\nHost: x\r\n\r\n')], 1006],
  ['zeros', [Buffer.alloc(4_096)], 1006],
];

t.test('what breaks the protocol ends its own connection and no other', async (t) => {
  const { parlor, ...besieged } = await besiege(t);
  for (const [name, bytes, close, error] of BREACHES) {
    const mallory = await openRaw(parlor.port, `${HERE}?user=mallory`);
    await mallory.told('welcome');
    for (const piece of bytes) mallory.write(piece);
    if (error !== undefined) t.match(await mallory.told('error'), { code: error }, `${name}: ${error}`);
    t.equal(await mallory.ended(), close, `${name}: ${close}`);
    await besieged.unharmed(t, name);
  }
  await untilMetric(parlor, 'parlor_connections', 4);
  const tooLarge = BREACHES.filter(
    ([name, , , error]) => error !== undefined || /far|beyond|mega|2⁶²/.test(name),
  );
  const value = await metrics(parlor);
  t.equal(
    value('parlor_refusals_total{code="payload_too_large"}'),
    tooLarge.length,
    'each that was too large counts',
  );
  t.ok(
    parlor.logs.some(
      ({ msg, code, why }) => msg === 'connection' && code === 1006 && /too big/.test(String(why)),
    ),
    'and the log says why a connection was dropped',
  );
});

t.test('what is unusual but allowed works', async (t) => {
  const { parlor, ...besieged } = await besiege(t);
  const odd = await openRaw(parlor.port, '/ws/updates/odd?user=odd');
  await odd.told('welcome');
  for (const piece of fragments(WELCOMED, 1)) odd.write(piece);
  t.match(await odd.told('ack'), { seq: 1 }, 'a post in fragments of one byte');
  odd.write(Buffer.concat([frameBytes('', { fin: false }), frameBytes('are you there?', { opcode: 9 })]));
  odd.write(frameBytes('{"type":"typing"}', { opcode: 0 }));
  t.match(await odd.told('typing'), { user: 'odd' }, 'a ping between two fragments');
  for (const byte of frameBytes('no JSON')) odd.write(Buffer.from([byte]));
  t.match(await odd.told('error'), { code: 'bad_request' }, 'a frame that comes byte by byte');
  // uWebSockets.js takes the mask for granted, so a frame without one is read as rubbish (RFC 6455 would end it).
  odd.write(Buffer.concat([frameBytes(WELCOMED, { masked: false }), Buffer.alloc(4)]));
  await until(() => odd.frames().filter(({ payload }) => payload.includes('bad_request')).length === 2, {
    what: 'the refusal of a frame without a mask',
  });
  odd.write(frameBytes('for ever', { fin: false }));
  await besieged.unharmed(t, 'a text that is never finished');
});

function fragments(text: string, size: number): Buffer[] {
  const count = Math.ceil(text.length / size);
  return Array.from({ length: count }, (_, i) =>
    frameBytes(text.slice(i * size, (i + 1) * size), { opcode: i === 0 ? 1 : 0, fin: i === count - 1 }),
  );
}
