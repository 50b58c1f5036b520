import type { AssertCommand, Presence } from '../messages/commands.js';

/** Puts together the lists that nodes assert in several commands. */
export class AssertedLists {
  private readonly parts = new Map<string, Presence[]>();

  /**
   * Returns one command with the whole list once its last part is here; `broken`: the list's beginning was
   * lost.
   */
  add(command: AssertCommand): AssertCommand | 'more follows' | 'broken' {
    const { node_id, present, first, last } = command;
    if (first && last) return command;
    const before = first ? [] : this.parts.get(node_id);
    if (before === undefined) return 'broken';
    const list = [...before, ...present];
    if (!last) {
      this.parts.set(node_id, list);
      return 'more follows';
    }
    this.parts.delete(node_id);
    return { ...command, present: list };
  }

  get isEmpty(): boolean {
    return this.parts.size === 0;
  }
}
