import { Window } from 'happy-dom';
import t from 'tap';
import type { ReactNode } from 'react';
import type { Root } from 'react-dom/client';
import type { ConnectOptions } from '../../../api/client/index.js';
import type { MessagesView } from '../../../api/client/react/index.js';
import { fakeWorld, type FakeSocket, type Sent } from './fake-socket.js';

const page = new Window({ url: 'http://parlor.example/' });
const globals = {
  window: page,
  document: page.document,
  navigator: page.navigator,
  IS_REACT_ACT_ENVIRONMENT: true,
};
// Newer Nodes have a navigator of their own, which cannot be assigned.
for (const [name, value] of Object.entries(globals))
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
// They look at the globals when they are loaded.
const { act, createElement, StrictMode, Suspense, Component } = await import('react');
const { createRoot } = await import('react-dom/client');
const { ParlorProvider, useConnection, useMembers, useMessages, useRoom, useTyping } =
  await import('../../../api/client/react/index.js');

const at = '2026-01-01T00:00:00.000Z';
const message = (seq: number, more: object = {}) => ({
  id: `id ${seq}`,
  room_id: 'a',
  seq,
  user: 'bob',
  text: `text ${seq}`,
  created_at: at,
  ...more,
});
const frame = (seq: number, more: object = {}): Sent => ({
  room: 'a',
  type: 'message',
  ...message(seq, more),
});

interface Scene {
  readonly root: Root;
  readonly text: () => string;
  readonly sockets: readonly FakeSocket[];
  readonly socket: () => FakeSocket;
  readonly options: ConnectOptions;
  /** Renders this within a provider, strictly. */
  readonly show: (node: ReactNode) => Promise<void>;
}

function scene(t: Tap, history: () => unknown = () => ({ messages: [], next: null })): Scene {
  const { options, sockets } = fakeWorld({
    minBackoffMs: 1,
    fetch: async () => new Response(JSON.stringify(history())),
  });
  const place = page.document.createElement('div');
  const root = createRoot(place as unknown as Element);
  // Not `() => act(…)`: what that returns is no promise, and has to be waited for.
  t.teardown(async () => await act(async () => root.unmount()));
  return {
    root,
    text: () => place.textContent ?? '',
    sockets,
    socket: () => sockets.at(-1) as FakeSocket,
    options,
    show: (node) =>
      act(async () =>
        root.render(
          createElement(
            StrictMode,
            null,
            createElement(ParlorProvider, { url: 'http://parlor.example', options }, node),
          ),
        ),
      ),
  };
}
type Tap = Pick<typeof t, 'teardown'>;

/** Lets what happens here reach the page. */
const happens = (what: () => void): Promise<void> => act(async () => what());

t.test('the connection is open while the provider is mounted, in StrictMode too', async (t) => {
  const { show, sockets, socket, text, root } = scene(t);
  const Status = () => {
    const { status, user } = useConnection();
    return `${status} ${user}`;
  };
  await show(createElement(Status));
  t.equal(text(), 'connecting alice');
  t.equal(sockets.filter(({ isClosed }) => !isClosed).length, 1, 'one that is open');
  await happens(() => socket().accept());
  t.equal(text(), 'connected alice');
  await happens(() => root.unmount());
  t.ok(sockets.every(({ isClosed }) => isClosed));
});

t.test('another user is another connection, other options are not', async (t) => {
  const { root, options, sockets } = scene(t);
  const show = (more: ConnectOptions) =>
    act(async () =>
      root.render(
        createElement(ParlorProvider, { url: 'http://parlor.example', options: { ...options, ...more } }),
      ),
    );
  await show({});
  await show({ lostAfterMs: 1 });
  t.equal(sockets.length, 1);
  await show({ user: 'bob' });
  t.equal(sockets.length, 2);
  t.ok(sockets[0]?.isClosed);
});

t.test('a room is joined once by all components that show it, and left with the last', async (t) => {
  const { show, socket, text } = scene(t);
  const Head = () => {
    const { status, memberCount } = useRoom('a');
    return `${status} ${memberCount} `;
  };
  const People = () => useMembers('a').members.join();
  await show([createElement(Head, { key: 1 }), createElement(People, { key: 2 })]);
  await happens(() => socket().accept());
  t.equal(socket().of('subscribe').length, 1);
  await happens(() => socket().welcome('a', { members: ['alice', 'bob'], member_count: 2 }));
  t.equal(text(), 'joined 2 alice,bob');
  await show(createElement(People));
  t.same(socket().of('unsubscribe'), []);
  await show(null);
  t.same(socket().of('unsubscribe'), [{ type: 'unsubscribe', room: 'a' }]);
});

t.test('a room that is changed for another is left', async (t) => {
  const { show, socket } = scene(t);
  const Room = ({ id }: { id: string }) => useRoom(id).status;
  await show(createElement(Room, { id: 'a' }));
  await happens(() => socket().accept());
  await show(createElement(Room, { id: 'b' }));
  t.match(
    socket().sent.map(({ type, room }) => [type, room]),
    [
      ['subscribe', 'a'],
      ['subscribe', 'b'],
      ['unsubscribe', 'a'],
    ],
  );
});

/** Shows the messages of room `a`, and gives away what the hook returned at each render. */
function messagesInto(renders: MessagesView[]) {
  return () => {
    const view = useMessages('a', { pageSize: 2 });
    renders.push(view);
    return view.messages.map(({ text, state }) => `${text}${state === null ? '' : ` (${state})`}`).join(', ');
  };
}

t.test('history, live messages and ours on their way are one list', async (t) => {
  const pages = [
    { messages: [message(3), message(4)], next: 3 },
    { messages: [message(1), message(2)], next: null },
  ];
  const { show, socket, text } = scene(t, () => pages.shift());
  const renders: MessagesView[] = [];
  await show(createElement(messagesInto(renders)));
  const latest = () => renders.at(-1) as MessagesView;
  await happens(() => socket().accept());
  await happens(() => socket().welcome('a', { head_seq: 4 }));
  t.equal(text(), 'text 3, text 4');
  t.same([latest().hasOlder, latest().isLoading], [true, false]);
  await happens(() => socket().say(frame(5)));
  t.equal(text(), 'text 3, text 4, text 5');
  await happens(() => void latest().post('mine'));
  t.equal(text(), 'text 3, text 4, text 5, mine (sending)');
  const id = socket().of('post')[0]?.['id'];
  await happens(() => socket().say({ room: 'a', type: 'ack', id, seq: 6 }));
  t.equal(text(), 'text 3, text 4, text 5, mine (sent)');
  await happens(() => socket().say(frame(6, { id, user: 'alice', text: 'mine' })));
  t.equal(text(), 'text 3, text 4, text 5, mine');
  await happens(() => void latest().loadOlder());
  t.equal(text(), 'text 1, text 2, text 3, text 4, text 5, mine');
  t.same([latest().hasOlder, latest().isLoading], [false, false]);
  t.equal(pages.length, 0);
  await happens(() => void latest().loadOlder());
});

t.test('what has not changed stays the same object, and functions always do', async (t) => {
  const { show, socket } = scene(t, () => ({ messages: [message(1)], next: null }));
  const renders: MessagesView[] = [];
  await show(createElement(messagesInto(renders)));
  await happens(() => socket().accept());
  await happens(() => socket().welcome('a', { head_seq: 1 }));
  const before = renders.at(-1) as MessagesView;
  const count = renders.length;
  await happens(() => socket().say({ room: 'a', type: 'joined', user: 'carol', at }));
  t.equal(renders.length, count, 'nothing of interest, nothing rendered');
  await happens(() => socket().say(frame(2)));
  const after = renders.at(-1) as MessagesView;
  t.equal(after.messages[0], before.messages[0]);
  for (const name of ['post', 'retry', 'discard', 'loadOlder'] as const)
    t.equal(after[name], before[name], name);
});

t.test('a page that cannot be loaded says why, and can be asked for again', async (t) => {
  let isUp = false;
  const { show, socket, text } = scene(t, () => {
    if (!isUp) throw new Error('cut');
    return { messages: [message(1)], next: null };
  });
  const renders: MessagesView[] = [];
  await show(createElement(messagesInto(renders)));
  await happens(() => socket().accept());
  await happens(() => socket().welcome('a'));
  const failed = renders.at(-1) as MessagesView;
  t.match(failed.error, { name: 'NetworkError' });
  t.same([failed.hasOlder, failed.isLoading], [true, false]);
  isUp = true;
  await act(async () => failed.loadOlder());
  t.equal(text(), 'text 1');
  t.equal(renders.at(-1)?.error, null);
});

t.test('after a gap the newest page is shown, not a list with a hole', async (t) => {
  const pages: unknown[] = [
    { messages: [message(1)], next: null },
    { events: [], next: null },
    { messages: [message(8), message(9)], next: 8 },
  ];
  const { show, socket, sockets, text } = scene(t, () => pages.shift());
  await show(createElement(messagesInto([])));
  await happens(() => socket().accept());
  await happens(() => socket().welcome('a', { head_seq: 1 }));
  t.equal(text(), 'text 1');
  const count = sockets.length;
  await happens(() => socket().drop());
  await act(async () => {
    while (sockets.length === count) await new Promise((resolve) => setTimeout(resolve, 5));
  });
  await happens(() => socket().accept());
  await happens(() => socket().welcome('a', { head_seq: 9, recovered: false }));
  await happens(() => socket().say(frame(10)));
  t.equal(text(), 'text 8, text 9, text 10');
});

t.test('what was posted while we were not let in is there once we are', async (t) => {
  const stored = [message(1)];
  const { show, socket, text } = scene(t, () => ({ messages: [...stored], next: null }));
  await show(createElement(messagesInto([])));
  await happens(() => socket().accept());
  const full = { room: 'a', type: 'unsubscribed', code: 'room_full', message: 'full', retry: true };
  const before = socket().of('subscribe').length;
  await happens(() => socket().say(full));
  t.equal(text(), 'text 1', 'who waits for a seat may read');
  stored.push(message(2), message(3));
  await act(async () => {
    while (socket().of('subscribe').length === before) await new Promise((resolve) => setTimeout(resolve, 5));
  });
  await happens(() => socket().welcome('a', { head_seq: 3 }));
  await happens(() => socket().say(frame(4)));
  t.equal(text(), 'text 1, text 2, text 3, text 4');
});

t.test('what is posted just before the welcome is there', async (t) => {
  const stored = [message(1)];
  const { show, socket, text } = scene(t, () => ({ messages: [...stored], next: null }));
  await show(createElement(messagesInto([])));
  await happens(() => socket().accept());
  stored.push(message(2));
  await happens(() => socket().welcome('a', { head_seq: 2 }));
  t.equal(text(), 'text 1, text 2');
});

t.test('who is typing is shown until a message comes', async (t) => {
  const { show, socket, text } = scene(t);
  let typing: () => void = () => undefined;
  const Typing = () => {
    const view = useTyping('a');
    ({ typing } = view);
    return view.users.join();
  };
  await show(createElement(Typing));
  await happens(() => socket().accept());
  await happens(() => socket().welcome('a'));
  await happens(() => socket().say({ room: 'a', type: 'typing', user: 'bob' }));
  await happens(() => socket().say({ room: 'a', type: 'typing', user: 'carol' }));
  t.equal(text(), 'bob,carol');
  await happens(() => socket().say(frame(1)));
  t.equal(text(), 'carol');
  typing();
  t.equal(socket().of('typing').length, 1);
});

t.test('a tree that is suspended before it was shown joins nothing', async (t) => {
  const { show, socket, text } = scene(t);
  let resolve: () => void = () => undefined;
  let isReady = false;
  const data = new Promise<void>((done) => (resolve = done));
  const Slow = () => {
    const { status } = useRoom('a');
    // What libraries for data do.
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- React takes a thrown promise for "not yet"
    if (!isReady) throw data;
    return status;
  };
  await show(createElement(Suspense, { fallback: 'loading' }, createElement(Slow)));
  await happens(() => socket().accept());
  t.equal(text(), 'loading');
  t.same(socket().of('subscribe'), []);
  isReady = true;
  await happens(resolve);
  t.equal(text(), 'joining');
  t.equal(socket().of('subscribe').length, 1);
});

t.test('a hook without a provider says so', async (t) => {
  const { root, text } = scene(t);
  class Boundary extends Component<{ children?: ReactNode }, { message: string }> {
    override state = { message: '' };
    static getDerivedStateFromError({ message }: Error) {
      return { message };
    }
    override render() {
      return this.state.message === '' ? this.props.children : this.state.message;
    }
  }
  const Lost = () => useConnection().status;
  const error = console.error;
  console.error = () => undefined;
  t.teardown(() => (console.error = error));
  await act(async () => root.render(createElement(Boundary, null, createElement(Lost))));
  t.match(text(), /no <ParlorProvider>/);
});

t.test('a connection of one’s own is used, and not closed', async (t) => {
  const { connect } = await import('../../../api/client/index.js');
  const { root, options, socket } = scene(t);
  const connection = connect('http://parlor.example', options);
  t.teardown(() => connection.close());
  const Show = () => useConnection().status;
  await act(async () => root.render(createElement(ParlorProvider, { connection }, createElement(Show))));
  await happens(() => socket().accept());
  await act(async () => root.unmount());
  t.equal(connection.status, 'connected');
});
