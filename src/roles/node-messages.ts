// What the processes of a cluster ask each other for the admin service, as JSON, and the form of each answer.
import { z } from "zod";
import type { InstanceSummary, LogChunk, NodeLoad, TensorSummary, VersionChange, VersionDescription, VersionSummary } from "../core/admin.ts";
import { DATATYPE_NAMES } from "../core/datatype.ts";

const count = z.number().int().min(0);
const updateSchema = z.object({ digest: z.string(), state: z.enum(["loading", "failed"]), reason: z.string() });
const logQuerySchema = z.object({ model: z.string(), last: count, follow: z.boolean() });

const questionSchema = z.discriminatedUnion("ask", [
  z.object({ ask: z.literal("describe"), name: z.string(), version: z.string() }),
  z.object({ ask: z.literal("load") }),
  z.object({ ask: z.literal("drain") }),
  z.object({ ask: z.literal("reload"), wait: z.boolean() }),
  /** The next chunk for this reader; its first question makes it one. */
  z.object({ ask: z.literal("logs"), reader: z.string(), first: z.boolean(), query: logQuerySchema }),
  /** This reader reads no more. */
  z.object({ ask: z.literal("endLogs"), reader: z.string() }),
]);

export type Question = z.infer<typeof questionSchema>;

const messageSchema = z.discriminatedUnion("kind", [
  /** `deadline` in Redis' time, ms since 1970: later nobody waits for the answer, and nothing is begun. */
  z.object({ kind: z.literal("question"), id: count, from: z.string(), deadline: z.number(), question: questionSchema }),
  z.object({ kind: z.literal("answer"), id: count, value: z.unknown() }),
  z.object({ kind: z.literal("refusal"), id: count, code: z.string(), message: z.string() }),
]);

export type NodeMessage = z.infer<typeof messageSchema>;

/** @throws Error when it is of no such form. */
export function parseMessage(text: string): NodeMessage {
  return messageSchema.parse(JSON.parse(text));
}

const summarySchema = z.object({
  name: z.string(),
  version: z.string(),
  runtime: z.string(),
  state: z.enum(["loading", "ready", "unavailable", "failed"]),
  reason: z.string(),
  digest: z.string(),
  readyInstances: count,
  instances: count,
  update: updateSchema.nullable(),
  readyNodes: z.array(z.string()),
}) satisfies z.ZodType<VersionSummary>;

const tensorSchema = z.object({
  name: z.string(),
  datatype: z.enum(DATATYPE_NAMES),
  shape: z.array(z.number().int()),
  contentType: z.string(),
  na: z.string(),
  levels: z.array(z.string()),
}) satisfies z.ZodType<TensorSummary>;

const instanceSchema = z.object({
  node: z.string(),
  name: z.string(),
  state: z.string(),
  reason: z.string(),
  generation: count,
  pid: count,
  digest: z.string(),
  lastExit: z.object({ atMs: count, reason: z.string() }).nullable(),
}) satisfies z.ZodType<InstanceSummary>;

const descriptionSchema = z.object({
  summary: summarySchema,
  environment: z.string(),
  folder: z.string(),
  entry: z.string(),
  per: z.string(),
  idempotent: z.boolean(),
  batching: z.object({ maxSize: count, maxDelayMs: count, maxBytes: count }).nullable(),
  limits: z.object({ timeoutMs: count, memoryBytes: count }).nullable(),
  scale: z.object({ min: count, max: count }).nullable(),
  inputs: z.array(tensorSchema),
  outputs: z.array(tensorSchema),
  instances: z.array(instanceSchema),
  nodes: z.array(z.never()),
}) satisfies z.ZodType<VersionDescription>;

const loadSchema = z.object({
  key: z.string(),
  waiting: count,
  requests: z.object({ requestsPerSecond: z.number(), errorsPerSecond: z.number(), answers: z.array(z.tuple([count, count])), requests: count }).nullable(),
}) satisfies z.ZodType<NodeLoad>;

const changeSchema = z.object({
  node: z.string(),
  name: z.string(),
  version: z.string(),
  change: z.enum(["added", "changed", "removed"]),
  result: z.enum(["loading", "ready", "failed", "removed"]),
  reason: z.string(),
  digest: z.string(),
}) satisfies z.ZodType<VersionChange>;

const chunkSchema = z.object({
  lost: count,
  lines: z.array(
    z.object({
      node: z.string(),
      timeMs: z.number(),
      level: z.string(),
      model: z.string(),
      version: z.string(),
      instance: z.string(),
      stream: z.string(),
      message: z.string(),
    }),
  ),
}) satisfies z.ZodType<LogChunk>;

/** The form of the answer to each question. */
export const ANSWERS = {
  describe: z.array(descriptionSchema),
  load: z.array(loadSchema),
  drain: z.null(),
  reload: z.array(changeSchema),
  /** `chunk` null: nothing has come yet. */
  logs: z.object({ chunk: chunkSchema.nullable(), ended: z.boolean() }),
  endLogs: z.null(),
} as const satisfies Record<Question["ask"], z.ZodType>;

export type Answer<Ask extends Question["ask"]> = z.infer<(typeof ANSWERS)[Ask]>;
