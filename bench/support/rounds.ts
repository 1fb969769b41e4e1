// Several servers measured in turns, and their figures as ratios of one of them.
import { median } from "./report.ts";

export interface Target {
  readonly name: string;
  readonly port: number;
}

/** By the target's name, one figure a round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** Many short ones: a machine that is shared runs now faster, now slower, within a minute. */
export const ROUNDS = { full: 48, quick: 6 };

/** Every target once a round, so that a machine that speeds up or slows down does so for all of them. */
export async function inRounds<T extends Target>(rounds: number, targets: readonly T[], measure: (target: T) => Promise<number>): Promise<Rounds> {
  const found = new Map<string, number[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) found.get(target.name)?.push(await measure(target));
  }
  return found;
}

export function medianOf(found: Rounds, name: string): number {
  return median(found.get(name) ?? []);
}

/** The median of the rounds' own ratios: what is measured side by side is as fast or as slow as the machine just was. */
export function ratio(found: Rounds, name: string, over: string): number {
  const base = found.get(over) ?? [];
  return median((found.get(name) ?? []).map((figure, round) => figure / (base[round] as number)));
}
