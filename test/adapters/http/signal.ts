/** A promise that a handler resolves and a test awaits. Only the first value counts, until `reset`. */
export class Signal<Value> {
  promise!: Promise<Value>;
  private resolve!: (value: Value) => void;

  constructor() {
    this.reset();
  }

  emit(value: Value): void {
    this.resolve(value);
  }

  reset(): void {
    this.promise = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }
}
