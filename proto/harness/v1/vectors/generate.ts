// Writes frames.json, forks.json, values.json and invalid.json: `node proto/harness/v1/vectors/generate.ts`. A test holds the files against it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "./encoding.ts";
import { forksFile, framesFile } from "./frames.ts";
import { invalidFile } from "./invalid.ts";
import { valuesFile } from "./values.ts";

/** The files by name, as text. */
export function vectorFiles(): Record<string, string> {
  const text = (json: Json): string => `${JSON.stringify(json, null, 1)}\n`;
  return { "frames.json": text(framesFile()), "forks.json": text(forksFile()), "values.json": text(valuesFile()), "invalid.json": text(invalidFile()) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, content] of Object.entries(vectorFiles())) writeFileSync(join(import.meta.dirname, name), content);
}
