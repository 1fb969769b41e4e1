// Where a statement of a fixture model stands, as an error shows it: `model.py:8`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Language, MODEL_FILE } from "./languages.ts";
import { FIXTURES } from "./models.ts";

/** `file:line` of the first line of the fixture that matches `statement`. */
export function sourceLine(behaviour: string, language: Language, statement: RegExp): string {
  const file = MODEL_FILE[language];
  const lines = readFileSync(join(FIXTURES, behaviour, language, file), "utf8").split("\n");
  const index = lines.findIndex((line) => statement.test(line));
  if (index === -1) throw new Error(`${behaviour}/${language}/${file} has no line ${statement}`);
  return `${file}:${index + 1}`;
}
