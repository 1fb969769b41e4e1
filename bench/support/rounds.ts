// Several servers measured in turns, and their figures as ratios of one of them.
import { median } from "./report.ts";

export interface Target {
  readonly name: string;
  readonly port: number;
}

/** By the target's name, one figure a round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

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

/** Median over median. */
export function ratio(found: Rounds, name: string, over: string): number {
  return medianOf(found, name) / medianOf(found, over);
}
