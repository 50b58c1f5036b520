import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WebSocket, type ClientOptions } from 'ws';
import { until } from './until.js';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The real program as a child process, on a free port. */
export interface Parlor {
  readonly port: number;
  readonly pid: number;
  readonly http: string;
  /** What it has logged so far. */
  readonly logs: readonly LogLine[];
  readonly stderr: () => string;
  /** Sends a signal and resolves with the exit code when it has ended. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  post(room: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  get(path: string): Promise<Response>;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** A WebSocket to a room; `query` such as `user=alice&since=3`. */
  open(room: string, query?: string, options?: ClientOptions): Client;
  /** The same, and its welcome has come. */
  join(room: string, query?: string): Promise<Client>;
}

export type Env = Readonly<Record<string, string>>;

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));

/**
 * Starts the program with these settings, on the memory store unless they say otherwise. Resolves when it listens;
 * rejects with what it said if it ends before.
 */
export async function startParlor(env: Env = {}, main = MAIN): Promise<Parlor> {
  const child = launch({ PORT: '0', LOG_FORMAT: 'json', ...env }, main);
  const logs: LogLine[] = [];
  // Not with node:readline, which also ends a line at U+2028, as a client may have sent it.
  let rest = '';
  child.process.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{')) logs.push(JSON.parse(line) as LogLine);
  });
  const listening = () => logs.find(({ http }) => typeof http === 'string');
  await until(() => listening() !== undefined || child.process.exitCode !== null, {
    timeoutMs: 60_000,
    what: 'Parlor to listen',
  });
  const line = listening();
  if (!line) throw new Error(`Parlor ended with ${child.process.exitCode}: ${child.stderr()}`);
  const http = String(line['http']);
  const port = Number(new URL(http).port);
  const send = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${http}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  const open = (room: string, query = '', options: ClientOptions = {}): Client =>
    openClient(`ws://127.0.0.1:${port}/ws/updates/${room}?${query}`, options);
  return {
    port,
    pid: child.process.pid ?? 0,
    http,
    logs,
    stderr: child.stderr,
    end: (signal = 'SIGTERM') => child.end(signal),
    post: (room, body, headers) => send('POST', `/api/rooms/${room}/messages`, body, headers),
    get: (path) => send('GET', path),
    send,
    open,
    async join(room, query) {
      const client = open(room, query);
      await client.next('welcome');
      return client;
    },
  };
}

/**
 * The program with these settings, which should not start: its exit code and what it said on standard error. One that
 * is still there after 20 s is killed, and its exit code is null.
 */
export async function runParlor(
  env: Env,
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = launch(env, MAIN, args);
  let stdout = '';
  child.process.stdout?.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  const timer = setTimeout(() => child.process.kill('SIGKILL'), 20_000);
  const code = await child.exited;
  clearTimeout(timer);
  return { code, stdout, stderr: child.stderr() };
}

function launch(env: Env, main: string, args: readonly string[] = []) {
  const inherited = Object.fromEntries(
    ['PATH', 'HOME', 'LANG'].map((name) => [name, process.env[name] ?? '']),
  );
  const child: ChildProcess = spawn(process.execPath, ['--enable-source-maps', main, ...args], {
    // Only what a test asks for is kept on disk. The requests that tests write by hand call the server by these names.
    env: { ...inherited, STORE: 'memory', HOSTS: 'x,parlor', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  void exited.then(() => process.off('exit', kill));
  return {
    process: child,
    exited,
    stderr: () => stderr,
    end(signal: NodeJS.Signals) {
      child.kill(signal);
      return exited;
    },
  };
}

/** A frame as it came; its fields are looked at by the tests. */
export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Client {
  readonly socket: WebSocket;
  /** All frames so far. */
  readonly frames: readonly Frame[];
  /** Frames of one type so far. */
  of(type: string): Frame[];
  /** The next frame of a type that has not been taken by `next` yet. */
  next(type: string): Promise<Frame>;
  /** Resolves when so many frames of a type have come. */
  count(type: string, wanted: number): Promise<Frame[]>;
  send(frame: unknown): void;
  /** Close code and reason, when it is closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  close(): Promise<void>;
}

const PATIENCE_MS = 30_000;

/** A WebSocket to this address. */
export function openClient(url: string, options: ClientOptions = {}): Client {
  const socket = new WebSocket(url, options);
  const frames: Frame[] = [];
  const taken = new Map<string, number>();
  let over: { code: number; reason: string } | null = null;
  socket.on('message', (data) => frames.push(JSON.parse((data as Buffer).toString()) as Frame));
  const failures: Error[] = [];
  socket.on('error', (cause) => failures.push(cause));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve((over = { code, reason: reason.toString() }))),
  );
  const of = (type: string): Frame[] => frames.filter((frame) => frame.type === type);
  const told = (): string =>
    `${url}: ${JSON.stringify(frames.slice(-5))}${over ? `, closed with ${over.code}` : ''}${failures.join(' ')}`;

  async function count(type: string, wanted: number): Promise<Frame[]> {
    await until(() => of(type).length >= wanted || over !== null, {
      timeoutMs: PATIENCE_MS,
      what: () => `${wanted} × ${type} at ${told()}`,
    });
    if (of(type).length < wanted)
      throw new Error(`the connection ended before ${wanted} × ${type}: ${told()}`);
    return of(type);
  }
  return {
    socket,
    frames,
    of,
    async next(type) {
      const at = taken.get(type) ?? 0;
      taken.set(type, at + 1);
      const all = await count(type, at + 1);
      return all[at] as Frame;
    },
    count,
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    closed,
    async close() {
      socket.close();
      await closed;
    },
  };
}
