// A job of the batch lane: what was asked for, its states with the one transition function, and what its chunks came to. Pure.
import { IdiomError } from "./errors.ts";
import type { Priority } from "./invocation.ts";

/** `arrow` is the file format of Arrow, which is also Feather version 2. */
export const DATA_FORMATS = ["csv", "jsonl", "parquet", "arrow", "arrow-stream"] as const;
export type DataFormat = (typeof DATA_FORMATS)[number];

/** Of the others the columns have types. */
export function isText(format: DataFormat): boolean {
  return format === "csv" || format === "jsonl";
}

export const COMPRESSIONS = ["none", "gzip", "zstd"] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Rows that may fail before the job does; null: any number, as long as one row succeeds. */
export type FailedRowsLimit = { readonly kind: "count"; readonly rows: number } | { readonly kind: "percent"; readonly percent: number } | null;

export interface JobInput {
  /** A file or `s3://bucket/key` below one of the configured roots, or null: it is uploaded. */
  readonly path: string | null;
  readonly format: DataFormat;
  readonly compression: Compression;
}

export interface JobOutput {
  /** A file or `s3://bucket/key` below one of the configured roots, or null: it is kept with the job, to be read from there. */
  readonly path: string | null;
  readonly format: DataFormat;
  readonly compression: Compression;
}

/** A folder that holds the files of jobs. Servers that do not share it cannot run each other's jobs. */
export interface JobStore {
  /** The same for all that see the same folder. */
  readonly id: string;
  /** For people: `host:/folder`. */
  readonly place: string;
}

/** What was submitted. It never changes. */
export interface JobSpec {
  readonly id: string;
  /** Who submitted it; only this caller and administrators may see it. "" where callers have no names. */
  readonly owner: string;
  /** "": none. */
  readonly idempotencyKey: string;
  /** The version that is used from the first row to the last, and its environment: another content under the same name is another version. */
  readonly model: { readonly name: string; readonly version: string; readonly digest: string; readonly environment: string };
  /** Where its files lie. */
  readonly store: JobStore;
  readonly input: JobInput & {
    /** Of the object of S3 at submission; null: a file. */
    readonly tag: string | null;
  };
  readonly output: JobOutput;
  /** Columns of the input that go to the output as they are; "all" of them, or these. */
  readonly keep: "all" | readonly string[];
  readonly maxFailedRows: FailedRowsLimit;
  readonly priority: Priority;
  /** How long it is kept once it has ended. */
  readonly ttlMs: number;
  /** ms since 1970. */
  readonly submittedAt: number;
}

/** Times are ms since 1970. The last three are the end, unless it is run again. */
export type JobState =
  /** Waits for its input, for its turn, or for a process to take it up again. */
  | { readonly name: "queued"; readonly since: number }
  /** `waitsFor`: why nothing moves now, or "". */
  | { readonly name: "running"; readonly since: number; readonly waitsFor: string }
  | { readonly name: "paused"; readonly since: number }
  | { readonly name: "succeeded"; readonly since: number }
  | { readonly name: "failed"; readonly since: number; readonly reason: string }
  | { readonly name: "cancelled"; readonly since: number };

export type JobStateName = JobState["name"];

export type JobEvent =
  | { readonly type: "taken" }
  | { readonly type: "waits"; readonly why: string }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  | { readonly type: "cancel" }
  | { readonly type: "retry" }
  | { readonly type: "finished" }
  | { readonly type: "failed"; readonly reason: string };

/**
 * The state after `event`, at `now`; the same object where the event changes nothing.
 * @throws IdiomError JOB_STATE when the event is none for this state, in words for whoever asked for it.
 */
export function transition(state: JobState, event: JobEvent, now: number): JobState {
  switch (event.type) {
    case "taken":
      if (state.name === "queued" || state.name === "running") return { name: "running", since: state.name === "running" ? state.since : now, waitsFor: "" };
      break;
    case "waits":
      if (state.name === "running") return state.waitsFor === event.why ? state : { ...state, waitsFor: event.why };
      break;
    case "pause":
      if (state.name === "queued" || state.name === "running") return { name: "paused", since: now };
      if (state.name === "paused") return state;
      break;
    case "resume":
      if (state.name === "paused") return { name: "queued", since: now };
      if (state.name === "queued" || state.name === "running") return state;
      break;
    case "cancel":
      if (!hasEnded(state)) return { name: "cancelled", since: now };
      if (state.name === "cancelled") return state;
      break;
    case "retry":
      if (hasEnded(state)) return { name: "queued", since: now };
      break;
    case "finished":
      if (state.name === "running") return { name: "succeeded", since: now };
      break;
    case "failed":
      if (!hasEnded(state)) return { name: "failed", since: now, reason: event.reason };
      break;
  }
  throw new IdiomError("JOB_STATE", `the job is ${state.name}: ${IMPOSSIBLE[event.type]}`);
}

const IMPOSSIBLE: Record<JobEvent["type"], string> = {
  taken: "it cannot be taken up",
  waits: "it waits for nothing",
  pause: "only a job that has not ended can be paused",
  resume: "only a paused job can be resumed",
  cancel: "only a job that has not ended can be cancelled",
  retry: "only a job that has ended can be run again",
  finished: "it cannot succeed",
  failed: "it cannot fail any more",
};

export function hasEnded({ name }: Pick<JobState, "name">): boolean {
  return name === "succeeded" || name === "failed" || name === "cancelled";
}

/** Source rows [firstRow, firstRow + rows) of a job, counted from 0: what is run, committed and repeated as one. */
export interface Chunk {
  readonly index: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** What an attempt at a chunk came to. The attempt's number is its fencing token: only the newest may commit. */
export interface ChunkResult {
  readonly attempt: number;
  /** Names of the files that hold its output rows and its failed rows. */
  readonly part: string;
  readonly errors: string;
  /** From the first call to the last byte of the part. */
  readonly ms: number;
  /** Of the part. */
  readonly bytes: number;
  readonly failedRows: number;
  /** Of those, the ones that the model failed: another run may end otherwise. */
  readonly failedByModel: number;
}

/** A chunk that was given up. */
export interface DeadChunk extends Chunk {
  readonly attempts: number;
  readonly cause: string;
}

export interface JobProgress {
  /** Rows of the input; null until all of it has been read. */
  readonly totalRows: number | null;
  readonly readRows: number;
  /** Rows whose chunk is committed, also those that failed. */
  readonly doneRows: number;
  readonly failedRows: number;
  /** Over the last seconds; 0 while nothing moves. */
  readonly rowsPerSecond: number;
}

/** A job as its owner sees it. */
export interface Job {
  readonly spec: JobSpec;
  readonly state: JobState;
  /** Where its files lie, when that is not here; else "". */
  readonly elsewhere: string;
  /** False: an upload is still to come. */
  readonly inputReady: boolean;
  readonly progress: JobProgress;
  readonly dead: readonly DeadChunk[];
}

/** Why this many failed rows end the job, or null. `totalRows` null: not known yet, and a percentage has to wait for it. */
export function tooManyFailed(limit: FailedRowsLimit, failedRows: number, totalRows: number | null): string | null {
  if (failedRows === 0) return null;
  if (limit === null) return failedRows === totalRows ? "every row failed" : null;
  if (limit.kind === "count") return failedRows > limit.rows ? `${failedRows} rows failed, max_failed_rows is ${limit.rows}` : null;
  if (totalRows === null || failedRows * 100 <= limit.percent * totalRows) return null;
  return `${failedRows} of ${totalRows} rows failed, max_failed_rows is ${limit.percent}%`;
}

/** What a caller may ask for; the rest of the JobSpec is found out at submission. */
export interface JobRequest {
  readonly model: string;
  /** "": the newest that is ready. */
  readonly version: string;
  readonly input: JobInput;
  readonly output: JobOutput;
  readonly keep: "all" | readonly string[];
  readonly maxFailedRows: FailedRowsLimit;
  readonly priority: Priority;
  readonly ttlMs: number | null;
  readonly idempotencyKey: string;
}

/** Who asks. */
export interface JobCaller {
  /** Owns what it submits; "" where callers have no names. */
  readonly id: string;
  /** Whether it sees and changes everybody's jobs. */
  readonly seesAll: boolean;
}

/** What the jobs service asks of the batch lane. A caller sees its own jobs alone: another's is not there. Errors: JOB_NOT_FOUND, JOB_STATE, and as said. */
export interface JobsBackend {
  /** The same idempotency key gives the same job. @throws IdiomError INVALID_REQUEST, MODEL_NOT_FOUND, MODEL_NOT_READY */
  submit(request: JobRequest, caller: JobCaller): Promise<Job>;
  /** Takes the input of a job that was submitted without a path; a second upload replaces one that broke off. */
  upload(id: string, caller: JobCaller, bytes: AsyncIterable<Uint8Array>): Promise<Job>;
  get(id: string, caller: JobCaller): Promise<Job>;
  /** The newest first. */
  list(caller: JobCaller): Promise<Job[]>;
  /** The job now and whenever it has changed, until it has ended. */
  watch(id: string, caller: JobCaller, signal: AbortSignal): AsyncIterable<Job>;
  change(id: string, caller: JobCaller, event: "pause" | "resume" | "cancel" | "retry"): Promise<Job>;
  /** The bytes of the output, whole once the job has succeeded. */
  readOutput(id: string, caller: JobCaller): Promise<AsyncIterable<Uint8Array>>;
  /** Failed rows of the chunks that are committed, in order, as JSON Lines. */
  readErrors(id: string, caller: JobCaller): Promise<AsyncIterable<Uint8Array>>;
}
