// Every key in Redis, named in one place. What one command touches together carries one hash tag, so that a cluster keeps it in one slot.
import type { Priority } from "../core/invocation.ts";
import type { ModelVersion } from "../core/model.ts";

const BATCH = "{idiom:batch}";

/** What names a version with its content; that of a queue is its version, or one made for its jobs. */
export type QueueName = Pick<ModelVersion, "key" | "digest">;

/** Nodes that hold other files under the same name and version never meet in one queue. */
function queueTag({ key, digest }: QueueName): string {
  return `idiom:{queue:${key}:${digest.slice(0, 16)}}`;
}

export const keys = {
  /** List of bundles that wait for a version. */
  queue: (version: QueueName, priority: Priority): string => `${queueTag(version)}:${priority}`,
  /** Hash: `requests` and `bytes` that wait in a queue, over all gateways. */
  queueSize: (version: QueueName): string => `${queueTag(version)}:size`,
  /** List of replies to one life of a gateway. */
  replies: (gateway: string): string => `idiom:replies:${gateway}`,
  /** Lease of a gateway; gone two seconds after it is. */
  gateway: (id: string): string => `idiom:gateway:${id}`,
  /** Set of the ids of gateways. */
  gateways: "idiom:gateways",
  /** Lease of a node; gone two seconds after it is. */
  node: (id: string): string => `idiom:node:${id}`,
  /** Set of the ids of nodes. */
  nodes: "idiom:nodes",
  /** What a gateway or node says of itself. */
  report: (id: string): string => `idiom:report:${id}`,
  /** List of messages to one life of a process: questions of the admin service, and answers. */
  inbox: (id: string): string => `idiom:inbox:${id}`,
  /** What a gateway needs to know of a version: manifest and signature. */
  version: ({ key, digest }: QueueName): string => `idiom:version:${key}:${digest}`,
  /** A random word; a new one means that Redis has lost what it held. */
  epoch: "idiom:epoch",
  /** Written by a process to see whether Redis takes writes. */
  probe: (id: string): string => `idiom:probe:${id}`,
  /** Channel: attempts that nobody waits for any more. */
  cancelled: "idiom:cancelled",
  /** What every key of the batch lane begins with, BullMQ's among them: one script may touch any of them. */
  batch: BATCH,
  batchJob: (id: string): string => `${BATCH}:job:${id}`,
  /** List: where the blocks of its rows lie. */
  batchBlocks: (id: string): string => `${BATCH}:job:${id}:blocks`,
  /** Hashes by the index of a chunk. */
  batchChunks: (id: string): string => `${BATCH}:job:${id}:chunks`,
  batchAttempts: (id: string): string => `${BATCH}:job:${id}:attempts`,
  batchResults: (id: string): string => `${BATCH}:job:${id}:results`,
  batchDead: (id: string): string => `${BATCH}:job:${id}:dead`,
  /** Held by the process that steers the job. */
  batchLease: (id: string): string => `${BATCH}:lease:${id}`,
  /** Sorted set of all jobs, by the time of submission. */
  batchJobs: `${BATCH}:jobs`,
  /** Sorted set of those that have not ended, the most urgent first. */
  batchActive: `${BATCH}:active`,
  /** Sorted set of those that go, by the time when. */
  batchExpiring: `${BATCH}:expiring`,
  /** Counts the leases that were given. */
  batchFence: `${BATCH}:fence`,
  /** Which job an idempotency key has. */
  batchIdempotency: (owner: string, key: string): string => `${BATCH}:idempotency:${owner}:${key}`,
  /** Channel: a job has changed. */
  batchChanged: `${BATCH}:changed`,
} as const;
