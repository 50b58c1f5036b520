import type { Socket } from 'node:net';

type Then = (cause?: Error | null) => void;

/**
 * From now on what is written to this socket in one go of amqplib leaves in one system call. Its multiplexer writes
 * each AMQP message by itself, one after the other, and a third of a busy node's time went into those writes. Nothing
 * waits: it all leaves before the event loop goes on. The order stays, and so does what `write` says about room.
 */
export function gatherWrites(socket: Socket): void {
  let corked = false;
  const uncork = (): void => {
    corked = false;
    socket.uncork();
  };
  const write = socket.write.bind(socket);
  function gathered(data: Uint8Array | string, then?: Then): boolean;
  function gathered(data: Uint8Array | string, encoding?: BufferEncoding, then?: Then): boolean;
  function gathered(data: Uint8Array | string, encoding?: BufferEncoding | Then, then?: Then): boolean {
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(uncork);
    }
    return typeof encoding === 'function' ? write(data, encoding) : write(data, encoding, then);
  }
  socket.write = gathered;
}
