// What each process of a cluster says of itself: a report, written when it changes, and a lease, renewed several times a second.
import { z } from "zod";

const versionSchema = z.object({
  key: z.string(),
  name: z.string(),
  version: z.string(),
  /** Of its folder there; empty when that could not be read as a model. */
  digest: z.string(),
  /** Digest of what its processes run with there; empty until it is ready. */
  environment: z.string(),
  /** Its language; empty when the folder does not say. */
  runtime: z.string(),
  /** `foreign`: it lies in the folder, and this node does not run its language. */
  state: z.enum(["loading", "ready", "unavailable", "failed", "foreign"]),
  /** Why it is not ready. */
  reason: z.string(),
  slots: z.number().int(),
  readyInstances: z.number().int(),
  instances: z.number().int(),
  /** What its folder holds now, while what it held before goes on serving. */
  update: z.object({ digest: z.string(), state: z.enum(["loading", "failed"]), reason: z.string() }).nullable(),
});

const reportSchema = z.object({
  /** Names this life of the process; a new process has a new one. */
  id: z.string(),
  /** For people. Two nodes should not have the same one, but may. */
  name: z.string(),
  role: z.enum(["up", "gateway", "worker"]),
  host: z.string(),
  pid: z.number().int(),
  idiom: z.string(),
  startedAtMs: z.number(),
  state: z.enum(["serving", "draining", "drained"]),
  /** The languages that it runs; version and problem are empty until they are known. */
  runtimes: z.array(z.object({ language: z.string(), version: z.string(), problem: z.string() })),
  /** How it confines its models; null where none run. */
  sandbox: z.object({ level: z.string(), layers: z.array(z.string()) }).nullable(),
  /** What is not as it should be there, apart from the versions. */
  problems: z.array(z.string()),
  versions: z.array(versionSchema),
});

export type NodeReport = z.infer<typeof reportSchema>;
export type ReportedVersion = NodeReport["versions"][number];

/** A report as the others read it. */
export interface Member extends NodeReport {
  /** Requests that wait on it. */
  readonly waiting: number;
}

/** Whether it takes work from the lane. */
export function takesWork({ role, state }: NodeReport): boolean {
  return role !== "gateway" && state === "serving";
}

const leaseSchema = z.object({
  /** Of the report; another one means that it has changed. */
  revision: z.number().int(),
  waiting: z.number().int(),
  /** It has given back what it had not begun and answered the rest; the lease ends for good. */
  left: z.boolean(),
});

export type Lease = z.infer<typeof leaseSchema>;

const revisedSchema = z.object({ revision: z.number().int(), report: reportSchema });

export type RevisedReport = z.infer<typeof revisedSchema>;

/** Null when it is not of this form: another release of Idiom wrote it. */
export function parseLease(text: string): Lease | null {
  return parse(leaseSchema, text);
}

/** Null when it is not of this form. */
export function parseReport(text: string): RevisedReport | null {
  return parse(revisedSchema, text);
}

function parse<Value>(schema: z.ZodType<Value>, text: string): Value | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
