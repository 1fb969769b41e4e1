// The languages that this node could run: runtimes/<language>/runtime.json, and whether what they need is installed.
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { z } from "zod";
import { IdiomError } from "../src/core/errors.ts";
import { PACKAGE_ROOT } from "../src/package-root.ts";
import type { HarnessCommand } from "../src/process/spawn.ts";
import { runTool } from "../src/process/spawn.ts";

const runtimeSchema = z.strictObject({
  language: z.string(),
  /** Files that show that a model is written in this language; also the default entry. */
  entry_files: z.array(z.string()).min(1),
  transport: z.enum(["socket", "fifo"]),
  /** How a running call is asked to stop: a CANCEL frame, or SIGINT where the reader is busy. */
  soft_cancel: z.enum(["frame", "signal"]),
  /** The file that set-up must have made for it, below `{built}`; null: none. */
  needs: z.string().nullable(),
  /** Whether it can load a model once and fork its instances (PROTOCOL.md, section 8). */
  forks: z.boolean(),
  /** The file that set-up must have made for that, below `{built}`; null: none. */
  forks_with: z.string().nullable(),
  /** Argument vector with placeholders (`resolveCommand`; `{tmp}` is for the sandbox to fill in). */
  command: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()),
  /** What the data segment may hold beyond `limits.memory`. */
  data_headroom_mb: z.number().int().min(0),
  version_command: z.array(z.string()).min(1),
});

export type RuntimeDefinition = z.infer<typeof runtimeSchema> & { readonly folder: string };

/** What a machine offers one language: everything, or what is missing and how to get it. */
export type RuntimeStatus = { readonly language: string } & (
  | { readonly ok: true; readonly version: string }
  | { readonly ok: false; readonly problem: string }
);

/** Reads every runtimes/<language>/runtime.json below `root`, sorted by language. */
export function readRuntimes(root: string): RuntimeDefinition[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, entry.name, "runtime.json")))
    .map((entry) => {
      const folder = join(root, entry.name);
      return { ...runtimeSchema.parse(JSON.parse(readFileSync(join(folder, "runtime.json"), "utf8"))), folder };
    });
}

/** Whether it forks on this machine. */
export function canFork(runtime: RuntimeDefinition, data: string): boolean {
  return runtime.forks && lacking(runtime, runtime.forks_with, data) === null;
}

/** The path of a file below `{built}` if it is not there. */
function lacking({ language }: RuntimeDefinition, file: string | null, data: string): string | null {
  if (file === null) return null;
  const path = file.replace("{built}", builtFolder(language, data));
  return existsSync(path) ? null : path;
}

/** What the set-up has made of a harness on this machine. */
export function builtFolder(language: string, data: string): string {
  return join(data, "harness", language);
}

/** What the build has made of it, the same for all machines. */
export function bundledFolder(language: string): string {
  return join(PACKAGE_ROOT, "dist", "runtimes", language);
}

/** Of `limits.memory`; the rest is for what a runtime takes besides its heap. */
const HEAP_SHARE = 0.75;

/** The argument vector of a runtime's command. @throws IdiomError MODEL_NOT_READY when a tool is not installed, or set-up has not made what it needs. */
export function resolveCommand(runtime: RuntimeDefinition, words: readonly string[], data: string, memoryBytes: number): string[] {
  const absent = lacking(runtime, runtime.needs, data);
  if (absent !== null) throw isNotThere(absent);
  const values: Record<string, () => string> = {
    harness: () => join(runtime.folder, "harness"),
    built: () => builtFolder(runtime.language, data),
    bundled: () => bundledFolder(runtime.language),
    environment: () => join(data, "environments", runtime.language),
    node: () => process.execPath,
    memory_mb: () => String(Math.floor(memoryBytes / 2 ** 20)),
    heap_mb: () => String(Math.floor((memoryBytes * HEAP_SHARE) / 2 ** 20)),
  };
  const command = words.map((word) =>
    word.replace(/\{(\w+)(?::(\w+))?\}/g, (whole, name: string, argument?: string) => {
      if (name === "tool" && argument !== undefined) return findTool(argument, data);
      return values[name]?.() ?? whole;
    }),
  );
  const program = command[0] as string;
  if (program.includes("/") && !isExecutable(program)) throw isNotThere(program);
  return command;
}

/** The environment of a harness: nothing of the host's own. `{tmp}` is for the sandbox to fill in. */
export function harnessEnvironment(runtime: Pick<RuntimeDefinition, "env">): HarnessCommand["env"] {
  return { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "{tmp}", TMPDIR: "{tmp}", LANG: "C.UTF-8", ...runtime.env };
}

/** Asks a runtime for its version: the proof that it is installed. */
export async function probeRuntime(runtime: RuntimeDefinition, data: string): Promise<RuntimeStatus> {
  const { language } = runtime;
  try {
    const [program, ...args] = resolveCommand(runtime, runtime.version_command, data, 2 ** 30);
    const printed = await runTool(program as string, args, { timeoutMs: 20_000 });
    return { language, ok: true, version: printed.trim().split("\n")[0] ?? "" };
  } catch (error) {
    return { language, ok: false, problem: (error as Error).message };
  }
}

function isNotThere(path: string): IdiomError {
  return new IdiomError("MODEL_NOT_READY", `${path} is not there; run: npm run setup`);
}

/** Looks in the data folder's tools/bin, then on PATH. @throws IdiomError MODEL_NOT_READY naming the command that installs it. */
export function findTool(name: string, data: string): string {
  const folders = [join(data, "tools", "bin"), ...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  const found = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (found !== undefined) return found;
  const packages = DEBIAN_PACKAGES[name];
  throw new IdiomError("MODEL_NOT_READY", `${name} is not installed; ${packages === undefined ? "install it" : `run: apt-get install -y ${packages}`}`);
}

const DEBIAN_PACKAGES: Record<string, string | undefined> = {
  R: "r-base-core r-cran-jsonlite r-cran-bit64",
  Rscript: "r-base-core r-cran-jsonlite r-cran-bit64",
  java: "default-jdk-headless maven",
  javac: "default-jdk-headless maven",
  python3: "python3 python3-venv",
  "redis-server": "redis-server",
  bwrap: "bubblewrap",
  cc: "gcc libc6-dev",
  prlimit: "util-linux",
  taskset: "util-linux",
  setpriv: "util-linux",
  perl: "perl-base",
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
