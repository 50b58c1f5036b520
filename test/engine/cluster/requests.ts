import { notDelivered, type Answer } from '../../../engine/messages/answers.js';
import type { Command } from '../../../engine/messages/commands.js';
import { stale, type Carrier, type Peer, type Request } from './parts.js';

/** Commands held back while the link is down; beyond it they are refused at once. */
const BUFFER = 1_000;

/** The commands of one node on their way to their partitions, and who waits for their answers. */
export class Requests {
  private waiting: Request[] = [];
  private sent: Request[] = [];
  private open = 0;

  constructor(
    private readonly endpoint: Peer,
    private readonly network: Carrier,
  ) {}

  get pending(): number {
    return this.open;
  }

  get buffered(): number {
    return this.waiting.length;
  }

  add(command: Command, onAnswer: (answer: Answer) => void): void {
    if (this.waiting.length >= BUFFER) {
      queueMicrotask(() => onAnswer(unavailable('no', 'too many commands wait')));
      return;
    }
    this.open++;
    const cancel = this.endpoint.clock.after(this.network.timing.replyTimeoutMs, () => this.timeout(request));
    const request: Request = {
      command,
      state: 'waiting',
      again: false,
      answer: (answer) => {
        if (request.state === 'over') return;
        request.state = 'over';
        this.open--;
        cancel();
        onAnswer(answer);
      },
    };
    if (this.endpoint.link === 'down') this.waiting.push(request);
    else this.send(request);
  }

  /** The link stands again. */
  flush(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const request of waiting) this.send(request);
  }

  /** The link is lost. Some of what was not confirmed has arrived; all of it is sent again when there is a link. */
  lost(isDead: boolean): void {
    this.network.wire.drop(`from ${this.endpoint.index}.`);
    const arrived = Math.floor(this.network.random() * (this.sent.length + 1));
    for (const request of this.sent.slice(0, arrived)) this.arrived(request);
    const again = isDead ? [] : this.sent.filter(({ state }) => state !== 'over');
    for (const request of again) Object.assign(request, { state: 'waiting', again: true });
    this.waiting = [...again, ...this.waiting];
    this.sent = [];
  }

  refuseAll(): void {
    for (const request of [...this.sent, ...this.waiting]) this.timeout(request);
    this.waiting = [];
  }

  private send(request: Request): void {
    request.state = 'sent';
    this.sent.push(request);
    const partition = this.network.partitionOf(request.command.room_id);
    this.network.wire.send(
      `from ${this.endpoint.index}.${partition.index}`,
      this.endpoint.delay('requests'),
      () => {
        this.sent.splice(this.sent.indexOf(request), 1);
        if (request.state !== 'over') request.state = 'safe';
        this.arrived(request);
      },
      () => this.endpoint.link === 'silent',
    );
  }

  private arrived(request: Request): void {
    const { command } = request;
    this.network
      .partitionOf(command.room_id)
      .add(request.again ? { ...stale(command), again: true } : command, this.endpoint, request);
  }

  private timeout(request: Request): void {
    const { state, again } = request;
    this.waiting = this.waiting.filter((one) => one !== request);
    if (state === 'safe') request.answer({ type: 'queued' });
    else
      request.answer(unavailable(state === 'waiting' && !again ? 'no' : 'perhaps', 'not confirmed in time'));
  }
}

export function unavailable(reached: 'no' | 'perhaps', message: string): Answer {
  return notDelivered(reached, { code: 'unavailable', message });
}
