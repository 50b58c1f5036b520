import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ParlorProvider, useConnection, useMembers, useMessages, useRoom, useTyping } from 'parlor/react';

const address = new URLSearchParams(location.search);

function App() {
  return (
    <ParlorProvider
      url={address.get('server') ?? 'http://127.0.0.1:8000'}
      options={{ user: address.get('user') }}
    >
      <Chat id="channel:lobby" />
    </ParlorProvider>
  );
}

function Chat({ id }) {
  return (
    <main>
      <h1>Lobby</h1>
      <Members id={id} />
      <Messages id={id} />
      <Composer id={id} />
      <Status id={id} />
    </main>
  );
}

function Members({ id }) {
  const { members } = useMembers(id);
  return <p>Here: {members.join(', ')}</p>;
}

function Messages({ id }) {
  const { messages, hasOlder, loadOlder, retry } = useMessages(id);
  return (
    <>
      {hasOlder && <button onClick={loadOlder}>Older messages</button>}
      <ol>
        {messages.map(({ id, user, text, state }) => (
          // `state` is of our own messages on their way: sending, sent or failed.
          <li key={id}>
            {user ?? 'a service'}: {text} {state === 'sending' && '…'}
            {state === 'failed' && <button onClick={() => retry(id).catch(console.error)}>Try again</button>}
          </li>
        ))}
      </ol>
    </>
  );
}

function Composer({ id }) {
  const { post } = useMessages(id);
  const { users, typing } = useTyping(id);
  const submit = (event) => {
    event.preventDefault();
    // While offline it waits, and shows as `sending`. One that is refused shows as `failed`.
    post(event.target.elements.text.value).catch(console.error);
    event.target.reset();
  };
  return (
    <form onSubmit={submit}>
      <input name="text" aria-label="Message" autoComplete="off" maxLength={2048} required onInput={typing} />
      <button>Send</button>
      {users.length > 0 && <p>{users.join(', ')} typing …</p>}
    </form>
  );
}

function Status({ id }) {
  const connection = useConnection();
  const room = useRoom(id);
  const error = room.error ?? connection.error;
  return <p role="status">{[connection.status, room.status, error?.message].filter(Boolean).join(' · ')}</p>;
}

createRoot(document.getElementById('app')).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
