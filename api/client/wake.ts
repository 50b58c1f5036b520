/** What of a browser's globals is used here. In Node none of it is there. */
interface Globals {
  addEventListener?(name: string, listener: () => void): void;
  removeEventListener?(name: string, listener: () => void): void;
}

/** The network is back, or the page is looked at again (or no more): the moments at which a link may have died unseen. */
const NAMES = ['online', 'pageshow', 'visibilitychange'];

/** Calls `wake` when the link should be looked at. Returns what ends that. */
export function onWake(wake: () => void): () => void {
  const page = globalThis as unknown as Globals;
  for (const name of NAMES) page.addEventListener?.(name, wake);
  return () => {
    for (const name of NAMES) page.removeEventListener?.(name, wake);
  };
}
