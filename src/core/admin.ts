// What operators see and do, whether one process answers for itself or for a cluster. The shapes are those of
// proto/idiom/v1/admin.proto, which says units and meanings; null is a field that is absent there.
import type { Datatype } from "./datatype.ts";
import type { VersionStatus } from "./model.ts";

/** Answers the admin service. Errors are IdiomErrors: MODEL_NOT_FOUND, NODE_NOT_FOUND, NODE_SILENT, INVALID_REQUEST. */
export interface AdminBackend {
  /** By name, the newest version first. */
  listModels(): Promise<VersionSummary[]>;
  /** `version` "": all of them. */
  describeModel(name: string, version: string): Promise<VersionDescription[]>;
  listNodes(): Promise<NodeSummary[]>;
  /** Resolves once the node has finished what ran on it. */
  drainNode(name: string): Promise<NodeSummary>;
  /** On every node that runs models. With `wait`, resolves once every change is ready or has failed. */
  reloadModels(wait: boolean): Promise<ReloadOutcome>;
  /** Is asked for the next chunk only when the last one has left; what the reader is too slow for is counted in `lost`. */
  tailLogs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk>;
  status(): Promise<SystemStatus>;
}

/** What any process can be asked about itself, by itself or by another. A node that does not answer is an IdiomError NODE_SILENT. */
export interface NodeAdmin {
  /** Its versions of a model, and their instances; `version` "": all that it has. */
  describe(name: string, version: string): Promise<VersionDescription[]>;
  /** What each version has to do here. */
  load(): Promise<NodeLoad[]>;
  /** Resolves once what ran here is done. From the call on it takes nothing new. */
  drain(): Promise<void>;
  reload(wait: boolean): Promise<VersionChange[]>;
  /**
   * A chunk without lines says that what lay in memory has been told; what follows is new.
   * @throws IdiomError MODEL_NOT_FOUND when nothing is known here of such a model.
   */
  tailLogs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogChunk>;
}

export interface VersionSummary {
  readonly name: string;
  readonly version: string;
  readonly runtime: string;
  readonly state: VersionStatus["state"];
  readonly reason: string;
  readonly digest: string;
  readonly readyInstances: number;
  readonly instances: number;
  readonly update: UpdateSummary | null;
  /** The names of the nodes where it is ready with this digest. */
  readonly readyNodes: readonly string[];
}

export interface UpdateSummary {
  readonly digest: string;
  readonly state: "loading" | "failed";
  readonly reason: string;
}

export interface VersionDescription {
  readonly summary: VersionSummary;
  /** Digest of what its processes run with; "" until it is ready. */
  readonly environment: string;
  readonly folder: string;
  readonly entry: string;
  readonly per: string;
  readonly idempotent: boolean;
  readonly batching: { readonly maxSize: number; readonly maxDelayMs: number; readonly maxBytes: number } | null;
  readonly limits: { readonly timeoutMs: number; readonly memoryBytes: number } | null;
  readonly scale: { readonly min: number; readonly max: number } | null;
  readonly inputs: readonly TensorSummary[];
  readonly outputs: readonly TensorSummary[];
  readonly instances: readonly InstanceSummary[];
  readonly nodes: readonly VersionOnNode[];
}

/** A version on one of the nodes that have it in their folder of models and run its language. */
export interface VersionOnNode {
  readonly node: string;
  readonly state: VersionStatus["state"] | "draining" | "drained";
  readonly slots: number;
  readonly digest: string;
  readonly environment: string;
  /** Why it is not ready there, or what else is the matter. */
  readonly reason: string;
}

export interface TensorSummary {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly contentType: string;
  readonly na: string;
  readonly levels: readonly string[];
}

export interface InstanceSummary {
  readonly node: string;
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly generation: number;
  readonly pid: number;
  readonly digest: string;
  readonly lastExit: { readonly atMs: number; readonly reason: string } | null;
}

export interface NodeSummary {
  readonly name: string;
  readonly state: "serving" | "draining" | "drained";
  readonly role: "up" | "gateway" | "worker";
  readonly idiomVersion: string;
  readonly startedAtMs: number;
  readonly host: string;
  readonly pid: number;
  readonly runtimes: readonly RuntimeSummary[];
  readonly readyInstances: number;
  readonly instances: number;
  readonly waiting: number;
}

export interface RuntimeSummary {
  readonly language: string;
  readonly version: string;
  readonly problem: string;
}

export interface ReloadOutcome {
  readonly changes: readonly VersionChange[];
  /** Nodes that did not do it, and why; one sentence each. */
  readonly problems: readonly string[];
}

export interface VersionChange {
  readonly node: string;
  readonly name: string;
  readonly version: string;
  readonly change: "added" | "changed" | "removed";
  readonly result: "loading" | "ready" | "failed" | "removed";
  readonly reason: string;
  readonly digest: string;
}

export interface LogQuery {
  readonly model: string;
  readonly last: number;
  readonly follow: boolean;
}

export interface LogLine {
  readonly node: string;
  readonly timeMs: number;
  readonly level: string;
  readonly model: string;
  readonly version: string;
  readonly instance: string;
  readonly stream: string;
  readonly message: string;
}

export interface LogChunk {
  /** Lines that came before those here and that the reader was too slow to get. */
  readonly lost: number;
  readonly lines: readonly LogLine[];
}

export interface SystemStatus {
  readonly accepting: boolean;
  readonly idiomVersion: string;
  readonly uptimeMs: number;
  readonly nodes: number;
  readonly problems: readonly string[];
  readonly versions: readonly VersionLoad[];
  readonly sandboxes: readonly SandboxSummary[];
}

export interface SandboxSummary {
  readonly node: string;
  readonly level: string;
  readonly layers: readonly string[];
}

export interface VersionLoad {
  readonly name: string;
  readonly version: string;
  readonly state: VersionStatus["state"];
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly waiting: number;
  readonly readyInstances: number;
  readonly instances: number;
  readonly requests: number;
}

/** One version's part in the load of one process. */
export interface NodeLoad {
  readonly key: string;
  readonly waiting: number;
  /** Null before the first request. */
  readonly requests: RequestCounts | null;
}

/** The requests of the last ten seconds, so that those of several processes can be added up. */
export interface RequestCounts {
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  /** How many answers took how long: [bucket, count], without the empty ones; see telemetry/request-window.ts. */
  readonly answers: readonly (readonly [number, number])[];
  /** Since the start. */
  readonly requests: number;
}
