// Values out of the Prometheus text format.

export type Labels = Readonly<Record<string, string>>;

/** The sum of the samples called `name` that carry all of `labels`; 0 without any. */
export function readMetric(text: string, name: string, labels: Labels = {}): number {
  let sum = 0;
  for (const line of text.split("\n")) {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null || match[1] !== name) continue;
    const given = match[2] ?? "";
    if (Object.entries(labels).every(([label, value]) => given.split(",").includes(`${label}="${value}"`))) sum += Number(match[3]);
  }
  return sum;
}
