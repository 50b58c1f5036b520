import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  /** Lowercased names; several lines of one name stay several. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** What came of sending bytes. */
export interface Outcome {
  readonly answers: readonly Answer[];
  /** The server closed the connection before we did. */
  readonly closed: boolean;
}

interface Parsed {
  readonly answer: Answer;
  readonly rest: Buffer;
}

const HEAD_END = '\r\n\r\n';

/** A connection that sends exactly the bytes it is told to and reads whole answers. */
export class RawClient {
  readonly socket: Socket;
  private received = Buffer.alloc(0);
  private gone = false;

  private constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    // A reset is one way to be closed; what matters is what came before.
    this.socket.on('error', () => this.socket.destroy());
    this.socket.on('close', () => {
      this.gone = true;
    });
  }

  static async open(port: number): Promise<RawClient> {
    const client = new RawClient(port);
    await once(client.socket, 'connect');
    return client;
  }

  get closed(): boolean {
    return this.gone;
  }

  send(bytes: string | Buffer): void {
    if (!this.gone) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next answer to a request of `method`; undefined when the connection closes before there is a whole one. */
  async answer(method = 'GET'): Promise<Answer | undefined> {
    for (;;) {
      const parsed = parse(this.received, method, this.gone);
      if (parsed) {
        this.received = Buffer.from(parsed.rest);
        return parsed.answer;
      }
      if (this.gone) return undefined;
      await this.progress();
    }
  }

  /** Resolves when the server has closed the connection; what it sent until then, unparsed. */
  async untilClosed(): Promise<string> {
    while (!this.gone) await this.progress();
    return this.received.toString('latin1');
  }

  /** Resolves when the received bytes contain `text`. Rejects when the connection closes without it. */
  async untilReceived(text: string): Promise<void> {
    while (!this.received.includes(text, 0, 'latin1')) {
      if (this.gone) throw new Error(`closed before ${JSON.stringify(text)} came`);
      await this.progress();
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private progress(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.socket.off('data', done);
        this.socket.off('close', done);
        resolve();
      };
      this.socket.on('data', done);
      this.socket.on('close', done);
    });
  }
}

/** Sends `parts` one after the other and reads an answer for each of `methods`. */
export async function exchange(
  port: number,
  parts: readonly string[],
  methods: readonly string[],
): Promise<Outcome> {
  const client = await RawClient.open(port);
  try {
    for (const part of parts) {
      client.send(part);
      await flushed(client);
    }
    const answers: Answer[] = [];
    for (const method of methods) {
      const answer = await client.answer(method);
      if (!answer) break;
      answers.push(answer);
    }
    return { answers, closed: client.closed };
  } finally {
    client.close();
  }
}

/** The kernel has the bytes: what is sent next travels in another segment, most likely. */
async function flushed(client: RawClient): Promise<void> {
  if (client.socket.writableLength > 0) await once(client.socket, 'drain');
  await new Promise((resolve) => setImmediate(resolve));
}

function parse(bytes: Buffer, method: string, atEnd: boolean): Parsed | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const [, status = '0', reason = ''] = /^HTTP\/1\.1 (\d+) ?(.*)$/.exec(first) ?? [];
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  const rest = bytes.subarray(end + HEAD_END.length);
  const code = Number(status);
  const body = bodyOf(rest, code, method, headers, atEnd);
  return (
    body && { answer: { status: code, reason, headers, body: Buffer.from(body.bytes) }, rest: body.rest }
  );
}

function bodyOf(
  rest: Buffer,
  code: number,
  method: string,
  headers: Answer['headers'],
  atEnd: boolean,
): { bytes: Buffer; rest: Buffer } | undefined {
  if (method === 'HEAD' || code < 200 || code === 204 || code === 304)
    return { bytes: Buffer.alloc(0), rest };
  const length = headers.find(([name]) => name === 'content-length')?.[1];
  if (headers.some(([name]) => name === 'transfer-encoding')) return chunks(rest);
  if (length === undefined) return atEnd ? { bytes: rest, rest: Buffer.alloc(0) } : undefined;
  const size = Number(length);
  return rest.length < size ? undefined : { bytes: rest.subarray(0, size), rest: rest.subarray(size) };
}

function chunks(bytes: Buffer): { bytes: Buffer; rest: Buffer } | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (Number.isNaN(size))
      throw new Error(`not a chunk: ${JSON.stringify(bytes.subarray(at, line).toString('latin1'))}`);
    const next = line + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return { bytes: Buffer.concat(parts), rest: bytes.subarray(next) };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = next;
  }
}
