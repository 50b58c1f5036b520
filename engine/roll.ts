import { ERRORS } from './errors.js';
import type { Listener } from './listener.js';
import type { Answer } from './messages/answers.js';
import type { Presence } from './messages/commands.js';
import type { Broker, Clock } from './ports.js';

/** Seats asserted in one command. */
const CHUNK = 500;
const RETRY_MS = 1_000;
/** How long after a roll call a join that was answered before it may still come in. */
const CALLED_MS = 10_000;

interface RollParts {
  readonly nodeId: string;
  readonly broker: Broker;
  readonly clock: Clock;
}

/** An audience's part in the roll call: asserts the seats of its listeners when their room was rebuilt. */
export class Roll {
  private calledAt = -Infinity;

  constructor(
    private readonly roomId: string,
    private readonly parts: RollParts,
    private readonly listeners: ReadonlyMap<string, Listener>,
    /** Whether the audience has ended: then nobody is here. */
    private readonly isOver: () => boolean,
  ) {}

  /** The room wants to know who is here. */
  called(): void {
    this.calledAt = this.parts.clock.elapsed();
    const present = [...this.listeners.values()].map(presenceOf);
    for (let i = 0; i < present.length; i += CHUNK) this.assert(present.slice(i, i + CHUNK));
  }

  /** A listener came in: its seat may have been given before a crash that it was not asserted after. */
  arrived(listener: Listener): void {
    if (this.parts.clock.elapsed() < this.calledAt + CALLED_MS) this.assert([presenceOf(listener)]);
  }

  private assert(present: Presence[]): void {
    const here = present.filter(({ connection_id }) => this.listeners.has(connection_id));
    if (here.length === 0 || this.isOver()) return;
    const { broker, clock, nodeId } = this.parts;
    broker.request(
      { type: 'assert', room_id: this.roomId, node_id: nodeId, present: here },
      (answer: Answer) => {
        if (answer.type === 'asserted') {
          for (const id of answer.lost)
            this.listeners.get(id)?.end('room_full', 'your seat went to somebody else');
        } else if (answer.type === 'refused' && ERRORS[answer.code].retry) {
          clock.after(RETRY_MS, () => this.assert(present));
        }
      },
    );
  }
}

function presenceOf({ id, user }: Listener): Presence {
  return { connection_id: id, user };
}
