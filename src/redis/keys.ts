// Every key in Redis, named in one place. What one command touches together carries one hash tag, so that a cluster keeps it in one slot.
import type { Priority } from "../core/invocation.ts";

export const keys = {
  /** List of bundles that wait for a version. */
  queue: (versionKey: string, priority: Priority): string => `idiom:{queue:${versionKey}}:${priority}`,
  /** Hash: `requests` and `bytes` that wait for a version, over all gateways. */
  queueSize: (versionKey: string): string => `idiom:{queue:${versionKey}}:size`,
  /** List of replies to one life of a gateway. */
  replies: (gateway: string): string => `idiom:replies:${gateway}`,
  /** Lease of a gateway; gone two seconds after it is. */
  gateway: (id: string): string => `idiom:gateway:${id}`,
  /** Set of the ids of gateways. */
  gateways: "idiom:gateways",
  /** Lease of a node, with what it serves. */
  node: (id: string): string => `idiom:node:${id}`,
  /** Set of the ids of nodes. */
  nodes: "idiom:nodes",
  /** What a gateway needs to know of a version: manifest and signature. */
  version: (versionKey: string, digest: string): string => `idiom:version:${versionKey}:${digest}`,
  /** A random word; a new one means that Redis has lost what it held. */
  epoch: "idiom:epoch",
  /** Channel: attempts that nobody waits for any more. */
  cancelled: "idiom:cancelled",
} as const;
