/** Faults that can be planted into the program, each one that breaks a promise. */
export const PLANTED_FAULTS = ['no-fencing', 'early-answers', 'no-gap-repair', 'no-roll-call'] as const;
export type PlantedFault = (typeof PLANTED_FAULTS)[number];

/** The one that FAULT names. */
export function plantedFault(): PlantedFault {
  const found = PLANTED_FAULTS.find((fault) => fault === process.env.FAULT);
  if (found === undefined) throw new Error(`FAULT is one of ${PLANTED_FAULTS.join(', ')}`);
  return found;
}
