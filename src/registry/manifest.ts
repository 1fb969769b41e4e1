// model.yaml: the fields, their defaults, and errors that name line and column.
import { isScalar, LineCounter, type ParsedNode, parseDocument, YAMLMap } from "yaml";
import { z } from "zod";
import { CONTENT_TYPES, DATATYPE_NAMES } from "../core/datatype.ts";
import { IdiomError } from "../core/errors.ts";
import { MAX_REQUEST_BYTES, MAX_TIMER_MS } from "../core/limits.ts";
import type { Instances, Manifest, ModelLimits, Recycle } from "../core/model.ts";
import type { TensorHint } from "../core/signature.ts";
import { parseDuration, parseSize } from "../core/units.ts";

const MAX_MERGED_BYTES = 8 * 2 ** 20;
/** Per-row functions are always merged: the harness calls them one row at a time. */
const PER_ROW_MAX_SIZE = 64;

const quantity = (parse: (text: string) => number | null, example: string) =>
  z.string().transform((text, context) => {
    const value = parse(text);
    if (value === null) context.addIssue({ code: "custom", message: `"${text}" is not understood; write it like ${example}` });
    return value ?? 0;
  });

const duration = quantity(parseDuration, '"500ms", "30s" or "5m"').refine((ms) => ms <= MAX_TIMER_MS, "at most 596h");
const size = quantity(parseSize, '"512MiB" or "1GiB"').refine((bytes) => bytes > 0, "more than 0");
const dimension = z.number().int().min(-1);

/** Beyond 2^53 a whole number in YAML has lost its last digits before anyone can look at it. */
const exactNumber = z.number().refine((value) => !Number.isInteger(value) || Number.isSafeInteger(value), "whole numbers beyond 2^53 cannot be given exactly");

const tensorSchema = z.strictObject({
  name: z.string().min(1),
  datatype: z.enum(DATATYPE_NAMES).optional(),
  shape: z.array(dimension).optional(),
  content_type: z.enum(CONTENT_TYPES).optional(),
  na: z.union([z.string(), exactNumber, z.boolean()]).optional(),
  levels: z.array(z.string()).min(1).optional(),
});

const tensorsSchema = z
  .array(tensorSchema)
  .min(1)
  .superRefine((tensors, context) => {
    tensors.forEach(({ name }, i) => {
      if (tensors.findIndex((other) => other.name === name) !== i) context.addIssue({ code: "custom", path: [i, "name"], message: `'${name}' is there twice` });
    });
  });

const manifestSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "letters, digits, '.', '_' and '-', beginning with a letter or digit")
    .optional(),
  runtime: z.string().optional(),
  entry: z.string().min(1).optional(),
  requirements: z.string().optional(),
  python: z.string().optional(),
  r: z.string().optional(),
  java: z.string().optional(),
  node: z.string().optional(),
  inputs: tensorsSchema.optional(),
  outputs: tensorsSchema.optional(),
  content_type: z.enum(CONTENT_TYPES).optional(),
  per: z.enum(["batch", "row"]).default("batch"),
  idempotent: z.boolean().default(true),
  batching: z
    .strictObject({
      max_size: z.number().int().min(1),
      max_delay: duration.default(0),
      max_bytes: size.refine((bytes) => bytes <= MAX_REQUEST_BYTES, "at most 63MiB: a frame holds no more").default(MAX_MERGED_BYTES),
    })
    .optional(),
  instances: z
    .strictObject({
      min: z.number().int().min(0).default(1),
      max: z.number().int().min(1).optional(),
      fork: z.boolean().default(true),
      recycle: z
        .strictObject({
          requests: z.number().int().min(1).optional(),
          age: duration.refine((ms) => ms > 0, "more than 0").optional(),
          memory: size.optional(),
        })
        .optional(),
    })
    .refine((value) => value.max === undefined || value.min <= value.max, "min is greater than max")
    .prefault({}),
  limits: z
    .strictObject({
      timeout: duration.refine((ms) => ms > 0, "more than 0").default(30_000),
      memory: size.default(2 ** 30),
      cpus: z.number().int().min(1).optional(),
      pids: z.number().int().min(1).default(64),
      tmp: size.default(64 * 2 ** 20),
      network: z.enum(["none", "allow"]).default("none"),
    })
    .prefault({}),
  golden: z.string().default("golden/*.json"),
});

type ManifestFile = z.infer<typeof manifestSchema>;

/**
 * Parses the text of a model.yaml. `folderName` is the default name, `detectedRuntime` what the folder's files say (null: nothing).
 * @throws IdiomError MODEL_INVALID with one `file:line:column: what` line per problem.
 */
export function parseManifest(text: string, where: string, folderName: string, detectedRuntime: string | null): Manifest {
  const file = readManifestFile(text, where);
  const runtime = file.runtime ?? detectedRuntime;
  if (runtime === null) {
    throw new IdiomError("MODEL_INVALID", `${where}: no file says which language this model is written in; add a line such as "runtime: python"`);
  }
  return toManifest(file, folderName, runtime);
}

function toManifest(file: ManifestFile, folderName: string, runtime: string): Manifest {
  const perRowDefault = file.per === "row" && file.idempotent ? { max_size: PER_ROW_MAX_SIZE, max_delay: 0, max_bytes: MAX_MERGED_BYTES } : undefined;
  const batching = file.idempotent ? (file.batching ?? perRowDefault) : undefined;
  return {
    name: file.name ?? folderName,
    runtime,
    entry: file.entry ?? null,
    declared: { inputs: file.inputs?.map(toHint) ?? null, outputs: file.outputs?.map(toHint) ?? null },
    contentType: file.content_type ?? null,
    per: file.per,
    idempotent: file.idempotent,
    batching: batching === undefined ? null : { maxSize: batching.max_size, maxDelayMs: batching.max_delay, maxBytes: batching.max_bytes },
    maxRequestRows: file.idempotent ? (file.batching?.max_size ?? null) : null,
    golden: file.golden,
    instances: toInstances(file.instances),
    limits: toLimits(file.limits),
  };
}

function toInstances({ min, max, fork, recycle }: ManifestFile["instances"]): Instances {
  return { min, max: max ?? Math.max(1, min), fork, recycle: toRecycle(recycle) };
}

function toRecycle(recycle: ManifestFile["instances"]["recycle"]): Recycle | null {
  return recycle === undefined ? null : { requests: recycle.requests ?? null, ageMs: recycle.age ?? null, memoryBytes: recycle.memory ?? null };
}

function toLimits({ timeout, memory, cpus, pids, tmp, network }: ManifestFile["limits"]): ModelLimits {
  return { timeoutMs: timeout, memoryBytes: memory, cpus: cpus ?? null, pids, tmpBytes: tmp, network: network === "allow" };
}

function toHint(tensor: z.infer<typeof tensorSchema>): TensorHint {
  return {
    name: tensor.name,
    datatype: tensor.datatype ?? null,
    shape: tensor.shape ?? null,
    contentType: tensor.content_type ?? null,
    na: tensor.na ?? null,
    levels: tensor.levels ?? null,
  };
}

function readManifestFile(text: string, where: string): ManifestFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${where}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new IdiomError(
      "MODEL_INVALID",
      document.errors.map((error) => `${at(error.pos[0])}: ${error.message.split("\n")[0]?.replace(/ at line \d+, column \d+:$/, "")}`).join("\n"),
    );
  }
  const parsed = manifestSchema.safeParse(document.contents === null ? {} : document.toJS());
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => `${at(keyOffset(document.contents, issue.path, key))}: unknown key '${key}'${suggestion(key, issue.path)}`);
    }
    const path = issue.path.join(".");
    return [`${at(valueOffset(document.contents, issue.path))}: ${path === "" ? "" : `${path}: `}${issue.message}`];
  });
  throw new IdiomError("MODEL_INVALID", problems.join("\n"));
}

function suggestion(key: string, path: readonly PropertyKey[]): string {
  if (path.length > 0) return "";
  const known = Object.keys(manifestSchema.shape);
  const near = known.find((name) => name.startsWith(key.slice(0, 4)) || name.replace("_", "") === key.toLowerCase().replace(/[-_]/g, ""));
  return near === undefined ? ` (known: ${known.join(", ")})` : `; did you mean '${near}'?`;
}

function nodeAt(root: ParsedNode | null, path: readonly PropertyKey[]): ParsedNode | null {
  let node: unknown = root;
  for (const step of path) {
    if (node === null || typeof node !== "object" || !("get" in node) || typeof node.get !== "function") break;
    node = node.get(step, true) ?? node;
  }
  return node as ParsedNode | null;
}

function valueOffset(root: ParsedNode | null, path: readonly PropertyKey[]): number {
  return nodeAt(root, path)?.range[0] ?? 0;
}

function keyOffset(root: ParsedNode | null, path: readonly PropertyKey[], key: string): number {
  const map = nodeAt(root, path);
  if (!(map instanceof YAMLMap)) return 0;
  const pair = map.items.find((item) => isScalar(item.key) && item.key.value === key);
  return (pair?.key as ParsedNode | undefined)?.range[0] ?? 0;
}
