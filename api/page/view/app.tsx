import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { indexedDbOutbox } from 'parlor/client';
import { useConnection } from 'parlor/react';
import { keep, recall, type Changes, type Shelf } from '../parts/storage.js';
import { Chat } from './chat.js';
import { Entrance } from './entrance.js';
import { Provider } from './provider.js';

export interface AppProps {
  /** The server takes nobody without a token. */
  readonly needsToken: boolean;
  readonly givenToken: string | null;
  readonly shelf: Shelf;
  /** Kept apart: a token ends with the tab. */
  readonly tokenShelf: Shelf;
}

const TOKEN_KEY = 'parlor-token';
/** Who was away for longer than this pages back in the history. */
const FILL_LIMIT = 500;

export function App({ needsToken, givenToken, shelf, tokenShelf }: AppProps) {
  const [kept, setKept] = useState(() => recall(shelf));
  const [token, setToken] = useState(() => givenToken ?? tokenShelf.getItem(TOKEN_KEY));
  const [complaint, setComplaint] = useState<string | null>(null);
  useEffect(() => keep(shelf, kept), [kept]);
  useEffect(() => {
    if (token === null) tokenShelf.removeItem(TOKEN_KEY);
    else tokenShelf.setItem(TOKEN_KEY, token);
  }, [token]);
  useEffect(() => {
    const { dataset } = document.documentElement;
    if (kept.theme === 'system') delete dataset['theme'];
    else dataset['theme'] = kept.theme;
  }, [kept.theme]);

  const { name, resume } = kept;
  const options = useMemo(
    () => ({
      ...(needsToken
        ? { token: token ?? '' }
        : name === null
          ? { ...(resume !== null && { resume }) }
          : { user: name }),
      outbox: indexedDbOutbox(needsToken ? 'token' : (name ?? 'guest')),
      fillLimit: FILL_LIMIT,
    }),
    // A guest's secret is told by the connection that is open: it needs no other one.
    [needsToken, token, name],
  );
  const refused = useCallback(
    (message: string) => {
      setComplaint(message);
      if (needsToken) setToken(null);
      else setKept((now) => ({ ...now, resume: null, isKnown: false }));
    },
    [needsToken],
  );

  if (needsToken ? token === null : !kept.isKnown)
    return (
      <Entrance
        needsToken={needsToken}
        complaint={complaint}
        name={name}
        enter={(given) => {
          setComplaint(null);
          if (needsToken) setToken(given);
          else setKept((now) => ({ ...now, name: given, isKnown: true }));
        }}
      />
    );
  return (
    <Provider url={new URL('.', location.href).href} options={options}>
      <Guest change={setKept} isGuest={!needsToken && name === null} />
      <Refused refused={refused} />
      <Chat kept={kept} change={setKept} signOut={needsToken ? () => setToken(null) : null} />
    </Provider>
  );
}

/** Keeps a guest's secret, so that a reload keeps name and seat. */
function Guest({ isGuest, change }: { readonly isGuest: boolean; readonly change: Changes }) {
  const { connection, user } = useConnection();
  const { resume } = connection;
  useEffect(() => {
    if (isGuest && resume !== null) change((kept) => ({ ...kept, resume }));
  }, [isGuest, resume, user]);
  return null;
}

/** Back to the entrance when the server does not take our name or token. */
function Refused({ refused }: { readonly refused: (message: string) => void }) {
  const { status, error } = useConnection();
  useEffect(() => {
    if (status === 'closed' && error) refused(error.message);
  }, [status, error]);
  return null;
}
