/** Where the engine says what happens; pino fits. */
export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/**
 * Counted as it happens; everything that can be read off the engine's state is not here but in
 * `Engine.stats`.
 */
export interface Meter {
  refused(code: string): void;
  /** Something was refused because of a limit, which has the name of its setting in lower case; `refused` counts it, too. */
  limited(limit: string): void;
  posted(count: number): void;
  delivered(count: number): void;
  dropped(reason: string, count?: number): void;
  crashed(actor: string): void;
  committed(events: number, ms: number): void;
}
