/** What of a browser's globals is used here. In Node none of it is there. */
interface Globals {
  addEventListener?(name: string, listener: () => void): void;
  removeEventListener?(name: string, listener: () => void): void;
  readonly document?: {
    readonly visibilityState: string;
    addEventListener(name: string, listener: () => void): void;
    removeEventListener(name: string, listener: () => void): void;
  };
}

/**
 * Calls `wake` when the network is back or the page is looked at again: the moments at which a link that has died meanwhile
 * is missed. Returns what ends that.
 */
export function onWake(wake: () => void): () => void {
  const page = globalThis as unknown as Globals;
  const { document } = page;
  const shown = (): void => {
    if (document?.visibilityState === 'visible') wake();
  };
  page.addEventListener?.('online', wake);
  page.addEventListener?.('pageshow', wake);
  document?.addEventListener('visibilitychange', shown);
  return () => {
    page.removeEventListener?.('online', wake);
    page.removeEventListener?.('pageshow', wake);
    document?.removeEventListener('visibilitychange', shown);
  };
}
