// A Dockerfile as its instructions.
import { readFileSync } from "node:fs";

export interface Instruction {
  readonly name: string;
  /** What follows the name, continued lines joined. */
  readonly text: string;
}

export interface Copy {
  /** The stage that it copies from; null: the build context. */
  readonly from: string | null;
  readonly sources: readonly string[];
}

/** The instructions in order, without comments. */
export function readDockerfile(path: string): Instruction[] {
  const lines = readFileSync(path, "utf8")
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n");
  return lines.filter(Boolean).map((line) => {
    const [, name = "", text = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    return { name, text };
  });
}

/** The stages in order: each begins with its FROM. */
export function stagesOf(instructions: readonly Instruction[]): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const instruction of instructions) {
    if (instruction.name === "FROM") stages.push([]);
    stages.at(-1)?.push(instruction);
  }
  return stages;
}

/** The name that `AS` gives to a stage. */
export function nameOf(stage: readonly Instruction[]): string | null {
  return / AS (\S+)$/.exec(stage[0]?.text ?? "")?.[1] ?? null;
}

/** What COPY and the bind mounts of RUN take from elsewhere. */
export function copiesOf(stage: readonly Instruction[]): Copy[] {
  return stage.flatMap(({ name, text }): Copy[] => {
    if (name === "RUN") return [...text.matchAll(/--mount=type=bind,source=([^,\s]+)/g)].map(([, source]) => ({ from: null, sources: [source as string] }));
    if (name !== "COPY") return [];
    const words = text.split(/\s+/);
    const from = words[0]?.startsWith("--from=") ? (words.shift() as string).slice("--from=".length) : null;
    return [{ from, sources: words.slice(0, -1) }];
  });
}

/** The words of an instruction in its exec form, as in `CMD ["a", "b"]`, the last of its kind; HEALTHCHECK's options are left out. */
export function execForm(stage: readonly Instruction[], name: "ENTRYPOINT" | "CMD" | "HEALTHCHECK"): string[] {
  const text = stage.findLast((instruction) => instruction.name === name)?.text ?? "";
  return JSON.parse(text.slice(text.indexOf("["))) as string[];
}

/** The variables that ENV sets. */
export function environmentOf(stage: readonly Instruction[]): Record<string, string> {
  const words = stage.filter(({ name }) => name === "ENV").flatMap(({ text }) => text.split(/\s+/));
  return Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));
}
