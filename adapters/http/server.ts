import { EventEmitter } from 'node:events';

/** Stands in for the http.Server that Fastify wants to own. It never listens: uWS does. */
export class BridgeServer extends EventEmitter {
  readonly listening = false;
  keepAliveTimeout = 0;
  requestTimeout = 0;

  /** Fails, always, with a text that says what to do instead: by 'error', as a server that cannot listen does. */
  listen(): this {
    const cause = new Error(
      'fastify.listen() has no port to listen on: uWebSockets.js owns it. ' +
        'Call fastify.ready(), bridge.attach(app), and then app.listen().',
    );
    process.nextTick(() => this.emit('error', cause));
    return this;
  }

  address(): null {
    return null;
  }

  /** Closes nothing: connections belong to uWS, and requests that are in flight to `bridge.drained()`. */
  close(callback?: (error?: Error) => void): this {
    if (callback) process.nextTick(callback);
    return this;
  }

  /** Has no effect: idle connections belong to uWS. */
  closeIdleConnections(): void {
    return;
  }

  /** Has no effect: uWS has its own time limits. */
  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
