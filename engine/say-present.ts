import { NAMES_PER_WORD, type LocalMembers, type RollCall } from './messages/words.js';
import type { Broker } from './ports.js';

/**
 * Sends a node's answer to a roll call to the room's home, in as many words as its lists need, and at least
 * one.
 */
export function sayPresent(
  { broker, nodeId: node_id }: { readonly broker: Broker; readonly nodeId: string },
  { room_id, call_id, node_id: home }: RollCall,
  { present, believed }: LocalMembers,
): void {
  const words = Math.max(1, Math.ceil(Math.max(present.length, believed.length) / NAMES_PER_WORD));
  for (let i = 0; i < words; i++) {
    const [from, to] = [i * NAMES_PER_WORD, (i + 1) * NAMES_PER_WORD];
    broker.say(
      {
        type: 'present',
        room_id,
        node_id,
        call_id,
        present: present.slice(from, to),
        believed: believed.slice(from, to),
        last: i === words - 1,
      },
      home,
    );
  }
}
