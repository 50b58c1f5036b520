import { setImmediate as nextTurn } from 'node:timers/promises';
import uWS, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';

/**
 * `shared`: other processes of the same user may listen on the port, too (SO_REUSEPORT), and the kernel spreads new
 * connections over them. It does not report whether there is another one. `exclusive`: fails if there is.
 */
export type Sharing = 'shared' | 'exclusive';

/** A certificate, with the chain up to its issuer, and its key, in PEM files. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface UwsServer {
  /**
   * Calls `routes` for the app, and for each app that takes its place when the certificate changes. To be called before
   * `listen`.
   */
  attach(routes: (app: TemplatedApp) => void): void;
  /**
   * Listens on one more port; may be called several times. `port` 0: any free one. Resolves with the port, rejects with
   * an Error of one line.
   */
  listen(host: string, port: number, sharing: Sharing): Promise<number>;
  /** Accepts no new connections on any port. Open ones stay. */
  stopListening(): void;
  /** Listens on the same ports as before `stopListening`; rejects with an Error of one line. */
  listenAgain(): Promise<void>;
  /**
   * New connections get this certificate. Open ones stay as they are, and so does everything if it rejects, with an Error of
   * one line. One that is being opened in the same tenth of a millisecond may be reset. Not for a server that was made
   * without a certificate.
   */
  changeCertificate(certificate: Certificate): Promise<void>;
  /** Closes all ports and connections at once. */
  close(): void;
}

/** uSockets' LIBUS_LISTEN_DEFAULT and LIBUS_LISTEN_EXCLUSIVE_PORT. */
const OPTIONS = { shared: 0, exclusive: 1 };

/** Where a server listens, or has listened before it was stopped. */
interface Place {
  readonly host: string;
  readonly port: number;
  readonly sharing: Sharing;
  socket: us_listen_socket | null;
}

/** The uWebSockets.js server of a node; with a certificate it speaks TLS. Throws if the certificate cannot be used. */
export function createUwsServer(certificate: Certificate | null = null): UwsServer {
  let app = createApp(certificate);
  /** Those of former certificates, too: they may have connections. uWebSockets.js keeps them until the process ends. */
  const apps = [app];
  const attached: ((app: TemplatedApp) => void)[] = [];
  const places: Place[] = [];
  let isListening = true;

  /** Lets the app listen in a place, instead of the app before it. Throws an Error of one line; then that one listens still. */
  function takeOver(place: Place, next: TemplatedApp): void {
    const { host, port, sharing, socket: before } = place;
    // A shared port is never without a listener. An exclusive one is, for some microseconds.
    if (before !== null && sharing === 'exclusive') uWS.us_listen_socket_close(before);
    try {
      place.socket = listenOn(next, host, port, sharing);
    } catch (cause) {
      if (before !== null && sharing === 'exclusive') place.socket = listenOn(app, host, port, sharing);
      throw cause;
    }
    if (before !== null && sharing === 'shared') uWS.us_listen_socket_close(before);
  }

  return {
    attach(routes) {
      attached.push(routes);
      routes(app);
    },
    // Async, as what it throws is to be a rejection.
    async listen(host, wanted, sharing) {
      const socket = listenOn(app, host, wanted, sharing);
      const port = uWS.us_socket_local_port(socket);
      places.push({ host, port, sharing, socket });
      return port;
    },
    async listenAgain() {
      isListening = true;
      for (const place of places) place.socket ??= listenOn(app, place.host, place.port, place.sharing);
    },
    stopListening() {
      isListening = false;
      for (const place of places) {
        if (place.socket !== null) uWS.us_listen_socket_close(place.socket);
        place.socket = null;
      }
    },
    async changeCertificate(given) {
      const next = createApp(given);
      for (const routes of attached) routes(next);
      await quietTurn();
      apps.push(next);
      if (isListening) for (const place of places) takeOver(place, next);
      app = next;
    },
    close() {
      for (const place of places) place.socket = null;
      for (const one of apps) one.close();
    },
  };
}

/** A turn of the event loop that is shorter than this had nothing else to do, ms. */
const QUIET_MS = 0.1;
/** On a busy node no turn may be as short, and the certificate has to change all the same, ms. */
const QUIET_WITHIN_MS = 2_000;

/**
 * Resolves at the end of a turn in which little happened. The system resets connections that a socket has not accepted when it
 * is closed. At the end of a turn these are the ones that came after its first moments, so it should be a short one.
 */
async function quietTurn(): Promise<void> {
  const begun = performance.now();
  // The turn in which this is called has looked for new connections already, perhaps long ago.
  await nextTurn();
  let before = performance.now();
  for (;;) {
    await nextTurn();
    const now = performance.now();
    if (now - before < QUIET_MS || now - begun > QUIET_WITHIN_MS) return;
    before = now;
  }
}

function createApp(certificate: Certificate | null): TemplatedApp {
  if (certificate === null) return uWS.App();
  const { certFile, keyFile } = certificate;
  try {
    return uWS.SSLApp({
      cert_file_name: certFile,
      key_file_name: keyFile,
      // OpenSSL keeps about 34 KB of buffers for each connection otherwise.
      ssl_prefer_low_memory_usage: true,
    });
  } catch (cause) {
    throw new Error(`OpenSSL cannot use the certificate in ${certFile} with the key in ${keyFile}`, {
      cause,
    });
  }
}

/** Throws an Error of one line. */
function listenOn(app: TemplatedApp, host: string, port: number, sharing: Sharing): us_listen_socket {
  let listening: us_listen_socket | false = false;
  // Called before `listen` returns.
  const listened = (socket: us_listen_socket | false): void => void (listening = socket);
  // @ts-expect-error -- the types know options only without a host
  app.listen(host, port, OPTIONS[sharing], listened);
  if (listening === false) throw new Error(`cannot listen on ${host}:${port}: another program listens there`);
  return listening;
}
