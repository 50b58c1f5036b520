import { request, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Frame } from './parlor.js';
import { until } from './until.js';

/** One event of a stream, as a browser's EventSource would tell it. */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  /** The last id of the stream so far, or ''. */
  readonly id: string;
}

/** Reads a stream of events as the HTML standard says (section 9.2.6), piece by piece. */
export class EventReader {
  readonly events: StreamEvent[] = [];
  /** Lines that clients ignore. */
  comments = 0;
  retryMs: number | null = null;
  private rest = '';
  private id = '';
  private type = '';
  private data: string[] = [];

  read(text: string): void {
    const lines = (this.rest + text).split(/\r\n|\r|\n/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.line(line);
  }

  private line(line: string): void {
    if (line === '') {
      this.dispatch();
      return;
    }
    const at = line.indexOf(':');
    const [name, value] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1).replace(/^ /, '')];
    if (name === '') this.comments++;
    else if (name === 'data') this.data.push(value);
    else if (name === 'event') this.type = value;
    else if (name === 'id') this.id = value;
    else if (name === 'retry') this.retryMs = Number(value);
    else throw new Error(`a stream has the field ${name}`);
  }

  private dispatch(): void {
    const { data, type, id } = this;
    this.data = [];
    this.type = '';
    if (data.length > 0) this.events.push({ type: type || 'message', data: data.join('\n'), id });
  }
}

/** How a stream ended: its last event, or null where it was cut. */
export type StreamEnd = { readonly code: number; readonly reason: string } | null;

export interface StreamClient {
  readonly reader: EventReader;
  /** The answer has come. */
  readonly answer: Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }>;
  /** All frames so far. */
  readonly frames: readonly Frame[];
  of(type: string): Frame[];
  /** Resolves when so many frames of a type have come. */
  count(type: string, wanted: number): Promise<Frame[]>;
  /** The id with which a browser would come back, or ''. */
  lastId(): string;
  /** Everything that came, as text. */
  text(): string;
  readonly closed: Promise<StreamEnd>;
  pause(): void;
  resume(): void;
  /** Cuts the connection. */
  cut(): Promise<void>;
}

const PATIENCE_MS = 30_000;

/** A stream of events from this address. */
export function openEventStream(url: string, options: RequestOptions = {}): StreamClient {
  const reader = new EventReader();
  let text = '';
  let isOver = false;
  let response: IncomingMessage | null = null;
  const sent = request(url, { agent: false, ...options });
  let over = (): void => undefined;
  const closed = new Promise<StreamEnd>((resolve) => {
    over = () => {
      isOver = true;
      const last = reader.events.at(-1);
      resolve(last?.type === 'end' ? (JSON.parse(last.data) as StreamEnd) : null);
    };
  });
  const answer = new Promise<{ status: number; headers: IncomingHttpHeaders }>((resolve, reject) => {
    sent.once('error', reject);
    sent.once('response', (came) => {
      response = came;
      came.setEncoding('utf8');
      came.on('data', (piece: string) => {
        text += piece;
        if (came.statusCode === 200) reader.read(piece);
      });
      // A cut is an end like others here; a short answer is whole before its connection is closed.
      came.on('error', over);
      came.once('end', over);
      came.once('close', over);
      resolve({ status: came.statusCode ?? 0, headers: came.headers });
    });
  });
  sent.end();
  const frames = (): Frame[] =>
    reader.events.flatMap(({ type, data }) => (type === 'message' ? [JSON.parse(data) as Frame] : []));
  const of = (type: string): Frame[] => frames().filter((frame) => frame.type === type);
  return {
    reader,
    answer,
    get frames() {
      return frames();
    },
    of,
    async count(type, wanted) {
      await until(() => of(type).length >= wanted || isOver, {
        timeoutMs: PATIENCE_MS,
        what: () => `${wanted} × ${type} at ${url}: ${text.slice(-500)}`,
      });
      if (of(type).length < wanted)
        throw new Error(`the stream ended before ${wanted} × ${type}: ${url}: ${text.slice(-500)}`);
      return of(type);
    },
    lastId: () => reader.events.at(-1)?.id ?? '',
    text: () => text,
    closed,
    pause: () => response?.pause(),
    resume: () => response?.resume(),
    async cut() {
      sent.destroy();
      await closed;
    },
  };
}
