import { EventEmitter } from 'node:events';
import type { ChannelModel } from 'amqplib';
import type { Connections } from '../../../adapters/rabbitmq/connection/connections.js';

type Confirm = (cause: unknown) => void;

/**
 * Connections whose broker does what a test says: takes little, confirms nothing, or says no. Only what publishing and
 * the queue for answers need.
 */
export class FakeConnections {
  /** What was published and not confirmed, in order. */
  readonly open: { readonly key: string; readonly body: string; readonly confirm: Confirm }[] = [];
  /** Routing keys of everything published. */
  readonly keys: string[] = [];
  /** Messages that the socket takes before it is full; each `drain` lets so many more in. */
  places = Infinity;
  private readonly publishing = new EventEmitter();
  private taken = 0;

  get connections(): Connections {
    const model = {
      createChannel: () => Promise.resolve(this.channel(new EventEmitter())),
      createConfirmChannel: () => Promise.resolve(this.channel(this.publishing)),
    } as unknown as ChannelModel;
    return { publishing: model, consuming: model };
  }

  /** The socket takes more. */
  drain(): void {
    this.taken = 0;
    this.publishing.emit('drain');
  }

  confirmAll(): void {
    for (const { confirm } of this.open.splice(0)) confirm(null);
  }

  private channel(events: EventEmitter): object {
    return Object.assign(events, {
      assertQueue: () => Promise.resolve({}),
      consume: () => Promise.resolve({}),
      close: () => Promise.resolve(),
      publish: (_: string, key: string, body: Buffer, _options: object, confirm: Confirm): boolean => {
        this.keys.push(key);
        this.open.push({ key, body: body.toString(), confirm });
        return ++this.taken < this.places;
      },
    });
  }
}
