import { EventEmitter } from 'node:events';

/** Stands in for the http.Server that Fastify wants to own. It never listens: uWS does. */
export class BridgeServer extends EventEmitter {
  readonly listening = false;
  keepAliveTimeout = 0;
  requestTimeout = 0;

  /** Always emits 'error', like a server that cannot listen, with a text that says what to do instead. */
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

  /** Closes nothing: uWS owns the connections, and `bridge.drained()` waits for the requests in flight. */
  close(callback?: (error?: Error) => void): this {
    if (callback) process.nextTick(callback);
    return this;
  }

  /** Has no effect: uWS closes idle connections. */
  closeIdleConnections(): void {
    return;
  }

  /** Has no effect: uWS has time limits of its own. */
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
