import { useEffect, useState } from 'preact/hooks';
import { useConnection } from 'parlor/react';

/** Says that there is no connection, as long as that is so. */
export function StatusLine() {
  const { connection, status } = useConnection();
  const isOnline = useOnline();
  const words = isOnline
    ? {
        connecting: 'Connecting …',
        reconnecting: 'Reconnecting …',
        lost: 'The server cannot be reached. Trying again …',
      }
    : null;
  const text =
    status === 'connected' || status === 'closed'
      ? ''
      : words
        ? words[status]
        : 'You are offline. What you write is sent when you are back.';
  return (
    <div class={`status ${text === '' ? 'fine' : status}`} role="status">
      {text}
      {text !== '' && isOnline && status === 'lost' && (
        <button class="plain" type="button" onClick={() => connection.open()}>
          Try now
        </button>
      )}
    </div>
  );
}

function useOnline(): boolean {
  const [isOnline, set] = useState(navigator.onLine);
  useEffect(() => {
    const changed = (): void => set(navigator.onLine);
    addEventListener('online', changed);
    addEventListener('offline', changed);
    return () => {
      removeEventListener('online', changed);
      removeEventListener('offline', changed);
    };
  }, []);
  return isOnline;
}
