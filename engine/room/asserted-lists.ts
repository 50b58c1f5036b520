import type { AssertCommand, Presence } from '../messages/commands.js';

/** Puts the lists together that nodes assert in several commands. */
export class AssertedLists {
  private readonly parts = new Map<string, Presence[]>();

  /** The command with the whole list when its last part is here; `broken`: its beginning was lost, so it is to be sent anew. */
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
