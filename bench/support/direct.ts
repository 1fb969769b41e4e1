// Runs a model's own function in its own language, without Idiom (bench/direct/README.md).
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { joinBytesElements } from "../../src/core/json-tensor.ts";
import type { ModelVersion } from "../../src/core/model.ts";
import { librariesOf } from "../../workers/environments/libraries.ts";
import { findTool } from "../../workers/runtimes.ts";
import { type Rows, rawColumn } from "./rows.ts";

const run = promisify(execFile);
const PROGRAMS = join(import.meta.dirname, "..", "direct");
const KINDS: Record<string, string> = { FP64: "f64", INT32: "i32", BYTES: "txt" };

/** The raw bytes of each output, by name, for all rows; requests have `sizes` rows and are called one after the other. */
export async function callDirectly(version: ModelVersion, rows: Rows, sizes: readonly number[], data: string): Promise<Map<string, Buffer>> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-direct-"));
  try {
    writeInputs(folder, version, rows, sizes);
    const [program, ...args] = await commandOf(version, folder, data);
    await run(program as string, args, { cwd: version.folder, env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } });
    return readOutputs(folder, version);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function commandOf(version: ModelVersion, folder: string, data: string): Promise<string[]> {
  const libraries = await librariesOf(version, data);
  switch (version.manifest.runtime) {
    case "python":
      return [join(data, "environments", "python", "bin", "python3"), join(PROGRAMS, "direct.py"), version.folder, folder];
    case "r":
      return [findTool("Rscript", data), join(PROGRAMS, "direct.R"), version.folder, folder];
    case "java":
      return [findTool("java", data), "-cp", libraries.join(":"), join(PROGRAMS, "Direct.java"), version.folder, folder];
    default: {
      // A module finds its packages beside itself, so the author's folder gets them for the call.
      const copy = join(folder, "model");
      cpSync(version.folder, copy, { recursive: true });
      symlinkSync(libraries[0] as string, join(copy, "node_modules"));
      return [process.execPath, join(PROGRAMS, "direct.mjs"), copy, folder];
    }
  }
}

function writeInputs(folder: string, version: ModelVersion, rows: Rows, sizes: readonly number[]): void {
  const { inputs, outputs } = version.manifest.declared;
  const describe = (spec: NonNullable<typeof inputs>[number]): object => ({
    name: spec.name,
    kind: KINDS[spec.datatype ?? ""],
    levels: spec.levels,
    na: spec.na,
  });
  mkdirSync(join(folder, "out"));
  writeFileSync(join(folder, "inputs.json"), JSON.stringify(inputs?.map(describe)));
  writeFileSync(join(folder, "outputs.json"), JSON.stringify(outputs?.map(describe)));
  writeFileSync(join(folder, "sizes.i32"), Buffer.from(Int32Array.from(sizes).buffer));
  for (const column of rows.columns) {
    const path = join(folder, `${column.name}.${KINDS[column.datatype]}`);
    writeFileSync(path, column.datatype === "BYTES" ? column.values.map((value) => `${value}\n`).join("") : rawColumn(column, 0, rows.count));
  }
}

function readOutputs(folder: string, version: ModelVersion): Map<string, Buffer> {
  return new Map(
    version.manifest.declared.outputs?.map(({ name, datatype }) => {
      const bytes = readFileSync(join(folder, "out", `${name}.${KINDS[datatype ?? ""]}`));
      const raw =
        datatype === "BYTES"
          ? joinBytesElements(
              bytes
                .toString()
                .split("\n")
                .slice(0, -1)
                .map((text) => Buffer.from(text)),
            )
          : bytes;
      return [name, raw];
    }),
  );
}
