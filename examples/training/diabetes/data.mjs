// The data, as training and golden recording both see them.

import { readFileSync } from "node:fs";

// A line with the source comes first, then the header; the last column is what is predicted.
const [, header, ...lines] = readFileSync(new URL("data/diabetes.csv", import.meta.url), "utf8")
  .trim()
  .split("\n");
const names = header.split(",");

export const columns = names.slice(0, -1);

/** Every fourth patient is held out. */
export function readPatients() {
  const all = lines.map((line) => {
    const cells = line.split(",").map(Number);
    return Object.fromEntries(names.map((name, i) => [name, cells[i]]));
  });
  return {
    all,
    training: all.filter((_, i) => i % 4 !== 3),
    heldOut: all.filter((_, i) => i % 4 === 3),
  };
}
