import type { AssertCommand, Presence } from '../messages/commands.js';

/**
 * Joins the list of a node's connections that came in several `assert` commands. They arrive in the order in which they
 * were sent, so only a beginning can be missing, when the room was rebuilt in between.
 */
export class AssertedLists {
  private readonly parts = new Map<string, Presence[]>();

  /**
   * Returns one command with the whole list once its last part is here; `broken`: the list's beginning was
   * lost.
   */
  add(command: AssertCommand): AssertCommand | 'more follows' | 'broken' {
    const { node_id, present, first, last } = command;
    if (first) this.parts.delete(node_id);
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
