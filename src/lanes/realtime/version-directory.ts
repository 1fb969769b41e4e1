// What a gateway without models and languages needs to know of a version: the nodes that run it write it into Redis.
import { z } from "zod";
import { CONTENT_TYPES, DATATYPE_NAMES } from "../../core/datatype.ts";
import { MAX_RANK } from "../../core/limits.ts";
import { type Manifest, type ModelVersion, versionKey } from "../../core/model.ts";
import type { Signature } from "../../core/signature.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";

/** Renewed by every node that runs the version; gone soon after the last one. */
const EXPIRE_MS = 20_000;

const tensorSchema = z.object({
  name: z.string(),
  datatype: z.enum(DATATYPE_NAMES),
  shape: z.array(z.number().int()).max(MAX_RANK),
  contentType: z.enum(CONTENT_TYPES).nullable(),
  na: z.union([z.string(), z.number(), z.boolean()]).nullable(),
  levels: z.array(z.string()).nullable(),
});

export const signatureSchema = z.object({ inputs: z.array(tensorSchema), outputs: z.array(tensorSchema) }) satisfies z.ZodType<Signature>;

const entrySchema = z.object({
  name: z.string(),
  version: z.string(),
  digest: z.string(),
  runtime: z.string(),
  idempotent: z.boolean(),
  per: z.enum(["batch", "row"]),
  batching: z.object({ maxSize: z.number(), maxDelayMs: z.number(), maxBytes: z.number() }).nullable(),
  maxRequestRows: z.number().nullable(),
  limits: z.object({
    timeoutMs: z.number(),
    memoryBytes: z.number(),
    cpus: z.number().nullable(),
    pids: z.number(),
    tmpBytes: z.number(),
    network: z.boolean(),
  }),
  ...signatureSchema.shape,
});

export interface DirectoryEntry {
  readonly version: ModelVersion;
  readonly signature: Signature;
}

/** Writes or renews the entry of a version that is ready here. */
export async function publishVersion(redis: RedisConnection, { version, signature }: DirectoryEntry): Promise<void> {
  const { runtime, idempotent, per, batching, maxRequestRows, limits } = version.manifest;
  const entry: z.input<typeof entrySchema> = {
    name: version.name,
    version: version.version,
    digest: version.digest,
    runtime,
    idempotent,
    per,
    batching: batching === null ? null : { ...batching },
    maxRequestRows,
    limits: { ...limits },
    inputs: signature.inputs.map(plain),
    outputs: signature.outputs.map(plain),
  };
  await redis.set(keys.version(version), JSON.stringify(entry), "PX", EXPIRE_MS);
}

/** The entry of a version, or null when no node has written it. @throws Error when it is not of this form. */
export async function lookUpVersion(redis: RedisConnection, wanted: { readonly key: string; readonly digest: string }): Promise<DirectoryEntry | null> {
  const text = await redis.get(keys.version(wanted));
  if (text === null) return null;
  const { inputs, outputs, name, version, digest, ...entry } = entrySchema.parse(JSON.parse(text));
  const manifest: Manifest = {
    name,
    ...entry,
    entry: null,
    declared: { inputs, outputs },
    contentType: null,
    instances: { min: 1, max: 1, fork: true, recycle: null },
    golden: "golden/*.json",
  };
  return { version: { name, version, key: versionKey(name, version), folder: "", digest, manifest, golden: null }, signature: { inputs, outputs } };
}

function plain(spec: Signature["inputs"][number]): z.input<typeof tensorSchema> {
  return { ...spec, shape: [...spec.shape], levels: spec.levels === null ? null : [...spec.levels] };
}
