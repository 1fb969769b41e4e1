// Every key in Redis, named in one place. What one command touches together carries one hash tag, so that a cluster keeps it in one slot.
import type { Priority } from "../core/invocation.ts";
import type { ModelVersion } from "../core/model.ts";

type Versioned = Pick<ModelVersion, "key" | "digest">;

/** Nodes that hold other files under the same name and version never meet in one queue. */
function queueTag({ key, digest }: Versioned): string {
  return `idiom:{queue:${key}:${digest.slice(0, 16)}}`;
}

export const keys = {
  /** List of bundles that wait for a version. */
  queue: (version: Versioned, priority: Priority): string => `${queueTag(version)}:${priority}`,
  /** Hash: `requests` and `bytes` that wait for a version, over all gateways. */
  queueSize: (version: Versioned): string => `${queueTag(version)}:size`,
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
  version: ({ key, digest }: Versioned): string => `idiom:version:${key}:${digest}`,
  /** A random word; a new one means that Redis has lost what it held. */
  epoch: "idiom:epoch",
  /** Written by a process to see whether Redis takes writes. */
  probe: (id: string): string => `idiom:probe:${id}`,
  /** Channel: attempts that nobody waits for any more. */
  cancelled: "idiom:cancelled",
} as const;
