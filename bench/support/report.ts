// What a benchmark found: a table for people, JSON for machines, and whether each target was met.
import { plainTable } from "../../src/cli/output.ts";

export interface Measure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Null: shown for information. */
  readonly target: { readonly atLeast: number } | { readonly atMost: number } | null;
}

export function meets({ value, target }: Measure): boolean {
  if (target === null) return true;
  return "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
}

export function renderTable(measures: readonly Measure[]): string {
  const rows = measures.map((measure) => [
    measure.what,
    number(measure.value),
    measure.unit,
    targetOf(measure),
    measure.target === null ? "" : meets(measure) ? "ok" : "MISSED",
  ]);
  return plainTable(["MEASURED", "VALUE", "UNIT", "TARGET", ""], rows);
}

function targetOf({ target }: Measure): string {
  if (target === null) return "";
  return "atLeast" in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`;
}

function number(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString("en-US") : value.toPrecision(3);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The value that `share` of them do not exceed; NaN without any. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
