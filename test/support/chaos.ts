// What the chaos tests share: how often they strike, models that note each of their runs, and what may become of a call.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ServiceError, status } from "@grpc/grpc-js";
import { errorCode } from "./client.ts";
import { type Language, MODEL_FILE } from "./languages.ts";

const ROUNDS = process.env["IDIOM_CHAOS_ROUNDS"] ?? "";

/** A full run, on a machine that does nothing else: only there a time can be held against a number. */
export const FULL = ROUNDS !== "";

/** How often each of these tests strikes: IDIOM_CHAOS_ROUNDS, or `few`. */
export function rounds(few: number): number {
  return FULL ? Number(ROUNDS) : few;
}

const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\nidempotent: false\n";

const SOURCES: Record<Language, (path: string) => string> = {
  python: (path) => `record = open("${path}", "ab", buffering=0)\n\n\ndef predict(x):\n    record.write(b"%d\\n" % x[0])\n    return x\n`,
  r: (path) => `predict_model <- function(x) {\n  cat(sprintf("%d\\n", x[1]), file = "${path}", append = TRUE)\n  x\n}\n`,
  java: (path) =>
    `import java.io.IOException;\nimport java.nio.file.Files;\nimport java.nio.file.Path;\nimport java.nio.file.StandardOpenOption;\n\npublic class Model {\n  public int[] predict(int[] x) throws IOException {\n    Files.writeString(Path.of("${path}"), x[0] + "\\n", StandardOpenOption.APPEND);\n    return x;\n  }\n}\n`,
  node: (path) =>
    `import { appendFileSync } from "node:fs";\n\nexport default ({ x }) => {\n  appendFileSync("${path}", \`\${x.data[0]}\\n\`);\n  return { y: x };\n};\n`,
};

/** Where models that must not run a call twice write down the number of each call that they run. */
export class RunRecord {
  readonly #path: string;

  /** In this folder. */
  constructor(folder: string) {
    this.#path = join(folder, ".runs");
    writeFileSync(this.#path, "");
  }

  /** A model that answers the number that it gets. */
  model(language: Language): Readonly<Record<string, string>> {
    return { "model.yaml": YAML, [MODEL_FILE[language]]: SOURCES[language](this.#path) };
  }

  /** How often each call ran. */
  runs(): Map<number, number> {
    const runs = new Map<number, number>();
    for (const line of readFileSync(this.#path, "utf8").split("\n").filter(Boolean)) runs.set(Number(line), (runs.get(Number(line)) ?? 0) + 1);
    return runs;
  }
}

/** Each of these calls ended with one error that tells what has happened and that it may be tried again; none waited for its deadline. */
export function assertExplicit(failures: readonly ServiceError[]): void {
  for (const failure of failures) {
    assert.equal(status[failure.code], "UNAVAILABLE", String(failure));
    assert.ok(["MODEL_NOT_READY", "INSTANCE_DIED", "QUEUE_FULL"].includes(errorCode(failure) ?? ""), String(failure));
  }
}
