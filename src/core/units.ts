// Durations and sizes as people write them: "30s", "1GiB".

type Units = ReadonlyMap<string, number>;

const MILLISECONDS: Units = new Map(Object.entries({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 }));
const BYTES: Units = new Map(Object.entries({ B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }));

/** "500ms", "30s", "5m", "1h" to milliseconds; null when it is none of these. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, MILLISECONDS);
}

/** "512KiB", "64MiB", "1GiB" to bytes; null when it is none of these. */
export function parseSize(text: string): number | null {
  return parseQuantity(text, BYTES);
}

/** The largest unit that leaves at least 1, with at most one decimal: "1.5GiB". */
export function formatSize(bytes: number): string {
  const [unit, factor] = [...BYTES].findLast(([, size]) => bytes >= size) ?? ["B", 1];
  return `${Math.round((bytes / factor) * 10) / 10}${unit}`;
}

function parseQuantity(text: string, units: Units): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text);
  const factor = units.get(match?.[2] ?? "");
  return match === null || factor === undefined ? null : Math.round(Number(match[1]) * factor);
}
