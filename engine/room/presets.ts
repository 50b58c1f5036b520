import { Type, type Static } from '@sinclair/typebox';
import type { Policy } from '../messages/policy.js';
import { PolicyChange } from '../messages/policy.js';

/**
 * Policies by the prefix of a room id, for example `{"direct:": {"post": "members"}}`; `""` is for all
 * others.
 */
export const Presets = Type.Record(Type.String({ maxLength: 64 }), PolicyChange);
export type Presets = Static<typeof Presets>;

/** As in the original brief: two members, anyone may post, nothing has to be created or deleted. */
export const BARE: Policy = {
  capacity: 2,
  creation: 'on_demand',
  deletion: 'manual',
  grace_ms: 5_000,
  idle_ms: 60_000,
  deliver_alone: true,
  post: 'anyone',
  post_interval_ms: 0,
  retention: null,
};

export const DEFAULT_PRESETS: Presets = {
  '': {},
  'direct:': { post: 'members' },
  'group:': { capacity: 256, post: 'members' },
  'channel:': { capacity: null },
};

/**
 * The policy of a room that has none of its own: `base`, changed by the fields of `""`, then by the fields of
 * the longest prefix that its id begins with.
 */
export function presetFor(roomId: string, presets: Presets, base: Policy): Policy {
  return withPrefix(prefixOf(roomId, presets), presets, base);
}

/** The same for many rooms: those with the same prefix share one object. */
export function createPresets(presets: Presets, base: Policy): (roomId: string) => Policy {
  const prefixes = ['', ...Object.keys(presets)];
  const policies = new Map(prefixes.map((prefix) => [prefix, withPrefix(prefix, presets, base)]));
  return (roomId) => policies.get(prefixOf(roomId, presets)) ?? base;
}

function prefixOf(roomId: string, presets: Presets): string {
  let best = '';
  for (const prefix of Object.keys(presets)) {
    if (prefix.length > best.length && roomId.startsWith(prefix)) best = prefix;
  }
  return best;
}

function withPrefix(prefix: string, presets: Presets, base: Policy): Policy {
  return { ...base, ...presets[''], ...presets[prefix] };
}
