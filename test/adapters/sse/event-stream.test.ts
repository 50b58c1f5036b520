import t from 'tap';
import type { StreamAnswer } from '../../../adapters/sse/event-stream.js';
import { endText, eventText, frameEvent } from '../../../adapters/sse/event-text.js';
import { createStreams } from '../../../adapters/sse/streams.js';
import { turns } from '../../support/clock.js';
import { EventReader } from '../../support/event-stream.js';

const WELCOME = '{"type":"welcome","head_seq":7}';
const message = (seq: number): string => JSON.stringify({ type: 'message', seq, text: `text ${seq}` });

/** An answer whose client reads when it is told to. */
function makeAnswer() {
  const calls: string[] = [];
  const reader = new EventReader();
  let unread = 0;
  let isStuck = false;
  const answer: StreamAnswer = {
    begin: () => void calls.push('begin'),
    refuse: ({ code }) => void calls.push(`refuse ${code}`),
    write(text) {
      calls.push('write');
      reader.read(text);
      if (isStuck) unread += Buffer.byteLength(text);
    },
    backlog: () => unread,
    end: () => void calls.push('end'),
    destroy: () => void calls.push('destroy'),
  };
  return {
    ...{ answer, calls, reader },
    stuck: () => (isStuck = true),
    read: () => {
      unread = 0;
      isStuck = false;
    },
    seqs: () => reader.events.map(({ data }) => (JSON.parse(data) as { seq?: number }).seq),
  };
}

const make = () => createStreams({ maxBufferedBytes: 1_000, pingS: 25 });
const handler = (closed: (code: number) => void = () => undefined) => ({ end: () => undefined, closed });

t.test('a field is one line', (t) => {
  for (const data of ['a\nb', 'a\rb', '\r\n', 'a\n'])
    t.throws(() => eventText({ data }), /one line/, encodeURIComponent(data));
  t.throws(() => eventText({ data: 'a', event: 'b\ndata: c' }), /one line/);
  t.equal(eventText({ data: 'a\u2028b' }), 'data: a\u2028b\n\n', 'which is no line break here');
  t.equal(eventText({ data: '{}', event: 'x', id: 3, retry: 5 }), 'event: x\nretry: 5\nid: 3\ndata: {}\n\n');
  t.equal(endText(4409, 'room_full'), 'event: end\ndata: {"code":4409,"reason":"room_full"}\n\n');
  t.end();
});

t.test('the id is the seq up to which the client has everything', (t) => {
  const idOf = (frame: object): string | undefined =>
    /^id: (.*)$/m.exec(frameEvent(JSON.stringify(frame)).text)?.[1];
  t.equal(idOf({ type: 'message', seq: 3 }), '3');
  t.equal(idOf({ type: 'room_closed', seq: 4 }), '4');
  t.equal(idOf({ type: 'typing', user: 'a' }), undefined);
  t.equal(idOf({ type: 'welcome', head_seq: 5 }), '5');
  t.equal(idOf({ type: 'welcome', head_seq: 5, recovered: false }), '5');
  t.equal(idOf({ type: 'welcome', head_seq: 5, recovered: true }), undefined, 'what was missed is to come');
  t.end();
});

t.test('the head waits for the first frame', (t) => {
  const refused = makeAnswer();
  const stream = make().open(refused.answer);
  let code = 0;
  stream.handler = handler((given) => (code = given));
  stream.sendSoon('{"type":"error","code":"room_full","message":"full"}');
  stream.end(4409, 'room_full');
  t.same(refused.calls, ['refuse room_full']);
  t.equal(code, 4409);
  stream.send(WELCOME);
  stream.end(4400, 'x');
  t.same(refused.calls, ['refuse room_full'], 'after the end all is harmless');
  t.equal(stream.isOpen, false);
  t.end();
});

t.test('what is sent and published keeps its order, and goes in one piece', async (t) => {
  const streams = make();
  const { answer, calls, seqs } = makeAnswer();
  const stream = streams.open(answer);
  stream.handler = handler();
  stream.send(WELCOME);
  t.equal(streams.count, 1);
  stream.sendSoon(message(1));
  streams.publish('a', message(0));
  stream.subscribe('a');
  streams.publish('a', message(2));
  stream.sendAlong(message(3));
  streams.publish('b', message(0));
  streams.publish('a', message(4));
  stream.subscribe('b');
  streams.publish('a', message(0));
  streams.publish('b', message(5));
  t.same(calls, ['begin', 'write']);
  await turns(2);
  t.same(calls, ['begin', 'write', 'write']);
  t.same(seqs(), [undefined, 1, 2, 3, 4, 5]);
  stream.gone();
  streams.publish('b', message(6));
  await turns(2);
  t.equal(seqs().length, 6);
  t.equal(streams.count, 0);
});

t.test('a frame that does not fit is the last thing but for the end', async (t) => {
  const streams = make();
  const { answer, calls, seqs, stuck, read, reader } = makeAnswer();
  const stream = streams.open(answer);
  let closed = 0;
  stream.handler = {
    end(code, text) {
      stream.sendSoon(JSON.stringify({ type: 'error', code, message: text }));
      stream.end(4508, code);
    },
    closed: (code) => (closed = code),
  };
  stream.send(WELCOME);
  stream.subscribe('a');
  stuck();
  let sent = 0;
  while (stream.backlog() + 200 < 1_000) {
    streams.publish('a', message(++sent));
    await turns(1);
  }
  streams.publish('a', `{"type":"message","seq":${sent + 1},"text":"${'x'.repeat(500)}"}`);
  await turns(1);
  streams.publish('a', message(sent + 2));
  stream.sendSoon(message(sent + 3));
  await turns(3);
  t.equal(closed, 0, 'it may still read');
  read();
  stream.drained();
  t.equal(closed, 4508);
  const ends = seqs().slice(1);
  t.same(
    ends.slice(0, sent),
    Array.from({ length: sent }, (_, i) => i + 1),
  );
  t.match(reader.events.slice(-2), [{ data: /slow_consumer/ }, { type: 'end' }]);
  t.equal(reader.events.length, 1 + sent + 2);
  t.equal(calls.at(-1), 'end');
});

t.test('a call is told when the client has read', (t) => {
  const streams = make();
  const { answer, stuck, read } = makeAnswer();
  const stream = streams.open(answer);
  stream.handler = handler();
  stream.send(WELCOME);
  const told: string[] = [];
  stream.whenRead(100, () => told.push('at once'));
  stuck();
  stream.send(message(1), message(2), message(3));
  stream.whenRead(100, () => told.push('replaced'));
  stream.whenRead(100, () => told.push('later'));
  stream.drained();
  t.same(told, ['at once']);
  read();
  stream.drained();
  stream.drained();
  t.same(told, ['at once', 'later']);
  stream.gone();
  stream.whenRead(100, () => told.push('never'));
  t.same(told, ['at once', 'later']);
  t.end();
});
