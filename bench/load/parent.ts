/** A line to the program that started this one. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Resolves at the next line from the program that started this one. */
export function told(): Promise<void> {
  return new Promise((resolve) => process.stdin.once('data', () => resolve()));
}

export function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}
