/** One client's socket, as an adapter hands it to the engine. Every method is harmless once it is closed. */
export interface Socket {
  /** Sends frames together, in order with everything else that reaches this socket. */
  send(...frames: string[]): void;
  /**
   * Sends a frame in some turns of the event loop, together with others that have come by then, in their
   * order. It comes before all that is sent and subscribed after it; a frame published to a topic after it
   * may overtake it.
   */
  sendSoon(frame: string): void;
  /**
   * As `sendSoon`, but waits longer: another frame for this socket is on its way, and they may go together.
   */
  sendAlong(frame: string): void;
  /**
   * From now on the socket gets what is published to this topic. `insteadOf`: a topic that it leaves for this one, or null; of
   * that it gets only what was published before. A frame that goes to both topics is neither missed nor sent twice.
   */
  subscribe(topic: string, insteadOf: string | null): void;
  /**
   * The socket leaves a topic: after this call nothing of it is sent. What was published before, and comes before a frame that
   * was sent since, has been sent.
   */
  unsubscribe(topic: string): void;
  /** Bytes that were handed to the network and wait here, because the client does not read. */
  backlog(): number;
  /**
   * Calls once, when the backlog is at most this many bytes: at once if it is, else when the client has read,
   * and never if the client goes before. One call at a time for each caller, which the next one replaces; several are called
   * in the order in which they began to wait.
   */
  whenRead(bytes: number, call: () => void, caller: object): void;
  /**
   * Sends the close frame after what was sent before, and ends the connection whether or not the client
   * reads.
   */
  end(code: number, reason: string): void;
}

/**
 * Sends one frame to every socket subscribed to a topic, without a loop in JavaScript. The frame may wait
 * some turns of the event loop for others to go with it.
 */
export interface Outlet {
  /**
   * The most bytes that may wait for one socket. A frame that does not fit is lost. That socket then gets no
   * later frame either, and its connection is ended: not at once, so that the client can be told why if it
   * reads soon.
   */
  readonly bufferBytes: number;
  publish(topic: string, frame: string): void;
  /**
   * True while events are being stored, whose frames will be published afterwards. Frames that were published before may wait
   * for those, for a limited time.
   */
  expectMore(isExpected: boolean): void;
}
