// idiom.v1.JobsService: batch jobs over gRPC. The work is the backend's; here are messages, errors and back-pressure.
import { once } from "node:events";
import { join } from "node:path";
import type {
  Metadata,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { IdiomError } from "../core/errors.ts";
import { type FailedRowsLimit, hasEnded, type Job, type JobCaller, type JobInput, type JobRequest, type JobsBackend } from "../core/job.ts";
import { fileFormat } from "../data/formats.ts";
import { PACKAGE_ROOT } from "../package-root.ts";
import { toServiceError } from "./status.ts";

/** For addService and reflection. */
export const JOBS_PACKAGE = loadSync(join(PACKAGE_ROOT, "proto", "idiom", "v1", "jobs.proto"), { longs: Number, defaults: true });

interface DataMessage {
  readonly path: string;
  readonly format: string;
  readonly compression: string;
  readonly name: string;
}

interface SubmitMessage {
  readonly model: string;
  readonly version: string;
  readonly input: DataMessage | null;
  readonly output: DataMessage | null;
  readonly keep: readonly string[];
  readonly maxFailedRows: string;
  readonly priority: number;
  readonly idempotencyKey: string;
  readonly ttlMs: number;
}

interface IdMessage {
  readonly id: string;
}

interface UploadMessage {
  readonly jobId: string;
  readonly data: Uint8Array;
}

type ByteStream = ServerWritableStream<IdMessage, { data: Uint8Array }>;

export class JobsService {
  readonly #backend: JobsBackend;
  readonly #callerOf: (metadata: Metadata) => JobCaller;

  /** `callerOf`: who calls; null: callers have no names, and all see all. */
  constructor(backend: JobsBackend, callerOf: ((metadata: Metadata) => JobCaller) | null) {
    this.#backend = backend;
    this.#callerOf = callerOf ?? (() => NOBODY);
  }

  static definition(): ServiceDefinition {
    return JOBS_PACKAGE["idiom.v1.JobsService"] as ServiceDefinition;
  }

  handlers(): UntypedServiceImplementation {
    const backend = this.#backend;
    const callerOf = this.#callerOf;
    const changing = (event: "cancel" | "pause" | "resume" | "retry") =>
      answering(callerOf, async ({ id }: IdMessage, caller) => toMessage(await backend.change(id, caller, event)));
    return {
      SubmitJob: answering(callerOf, async (request: SubmitMessage, caller) => toMessage(await backend.submit(toRequest(request), caller))),
      GetJob: answering(callerOf, async ({ id }: IdMessage, caller) => toMessage(await backend.get(id, caller))),
      ListJobs: answering(callerOf, async (_request: object, caller) => ({ jobs: (await backend.list(caller)).map(toMessage) })),
      CancelJob: changing("cancel"),
      PauseJob: changing("pause"),
      ResumeJob: changing("resume"),
      RetryJob: changing("retry"),
      UploadInput: (call: ServerReadableStream<UploadMessage, object>, callback: sendUnaryData<object>) => void this.#upload(call, callback),
      WatchJob: (call: ServerWritableStream<IdMessage, object>) =>
        void streaming(call, async function* (signal) {
          for await (const job of backend.watch(call.request.id, callerOf(call.metadata), signal)) yield toMessage(job);
        }),
      ReadOutput: (call: ByteStream) => void streaming(call, () => dataChunks(backend.readOutput(call.request.id, callerOf(call.metadata)))),
      ReadErrors: (call: ByteStream) => void streaming(call, () => dataChunks(backend.readErrors(call.request.id, callerOf(call.metadata)))),
    };
  }

  async #upload(call: ServerReadableStream<UploadMessage, object>, callback: sendUnaryData<object>): Promise<void> {
    const messages = (call as AsyncIterable<UploadMessage>)[Symbol.asyncIterator]();
    try {
      const first = await messages.next();
      if (first.done === true || first.value.jobId === "") throw new IdiomError("INVALID_REQUEST", "the first message of an upload names its job_id");
      const { jobId, data } = first.value;
      let ended = false;
      call.once("end", () => {
        ended = true;
      });
      const bytes = async function* (): AsyncGenerator<Uint8Array, void, void> {
        if (data.length > 0) yield data;
        for (let next = await messages.next(); next.done !== true; next = await messages.next()) yield next.value.data;
        // A caller that went away ends the messages as one does who has sent all.
        if (!ended || call.cancelled) throw new IdiomError("CANCELLED", "the upload broke off");
      };
      callback(null, toMessage(await this.#backend.upload(jobId, this.#callerOf(call.metadata), bytes())));
    } catch (error) {
      callback(toServiceError(error));
    }
  }
}

const NOBODY: JobCaller = { id: "", seesAll: true };

/** @throws IdiomError INVALID_REQUEST */
function toRequest(message: SubmitMessage): JobRequest {
  const { model, version, keep, priority, idempotencyKey, ttlMs } = message;
  if (model === "") throw new IdiomError("INVALID_REQUEST", "model is empty: name the model that shall score the rows");
  const said = message.input ?? NO_DATA;
  const input: JobInput = { path: said.path || null, ...fileFormat(said.path || said.name, said, null) };
  const wanted = message.output ?? NO_DATA;
  return {
    model,
    version,
    input,
    output: { path: wanted.path || null, ...fileFormat(wanted.path || wanted.name, wanted, input) },
    keep: keep.includes("*") ? "all" : [...new Set(keep)],
    maxFailedRows: failedRowsLimit(message.maxFailedRows),
    priority: priority === 1 ? 0 : priority === 0 || priority === 2 ? 1 : 2,
    ttlMs: ttlMs === 0 ? null : ttlMs,
    idempotencyKey,
  };
}

const NO_DATA: DataMessage = { path: "", format: "", compression: "", name: "" };

function failedRowsLimit(text: string): FailedRowsLimit {
  if (text === "") return null;
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim());
  const value = Number(match?.[1]);
  if (match !== null && match[2] === "%" && value <= 100) return { kind: "percent", percent: value };
  if (match !== null && match[2] === "" && Number.isSafeInteger(value)) return { kind: "count", rows: value };
  throw new IdiomError("INVALID_REQUEST", `max_failed_rows is "${text}"; write a number such as "100", or a share such as "5%"`);
}

function toMessage(job: Job): object {
  const { spec, state, inputReady, progress, dead } = job;
  const left = progress.totalRows === null ? null : progress.totalRows - progress.doneRows;
  const timeLeftMs = left !== null && progress.rowsPerSecond > 0 ? { timeLeftMs: Math.round((left / progress.rowsPerSecond) * 1000) } : {};
  return {
    id: spec.id,
    model: spec.model.name,
    version: spec.model.version,
    digest: spec.model.digest,
    environment: spec.model.environment,
    state: state.name,
    reason: reasonOf(job),
    submittedAtMs: spec.submittedAt,
    stateSinceMs: state.since,
    awaitsUpload: !inputReady,
    ...(progress.totalRows === null ? {} : { totalRows: progress.totalRows }),
    readRows: progress.readRows,
    doneRows: progress.doneRows,
    failedRows: progress.failedRows,
    rowsPerSecond: progress.rowsPerSecond,
    ...timeLeftMs,
    priority: spec.priority + 1,
    input: { ...spec.input, path: spec.input.path ?? "" },
    output: { ...spec.output, path: spec.output.path ?? "" },
    deadChunks: dead.map(({ firstRow, rows, attempts, cause }) => ({ firstRow: firstRow + 1, rows, attempts, cause })),
  };
}

function reasonOf({ state, elsewhere }: Job): string {
  if (state.name === "failed") return state.reason;
  if (state.name === "running" && state.waitsFor !== "") return state.waitsFor;
  return hasEnded(state) || elsewhere === "" ? "" : `it runs where its files lie: ${elsewhere}`;
}

async function* dataChunks(opening: Promise<AsyncIterable<Uint8Array>>): AsyncGenerator<{ data: Uint8Array }, void, void> {
  for await (const data of await opening) yield { data };
}

/** What comes next is made when the reader has room for it. */
async function streaming<Message>(call: ServerWritableStream<IdMessage, Message>, messages: (signal: AbortSignal) => AsyncIterable<Message>): Promise<void> {
  const gone = new AbortController();
  call.on("cancelled", () => gone.abort());
  try {
    for await (const message of messages(gone.signal)) {
      if (gone.signal.aborted) return;
      if (!call.write(message)) await once(call, "drain", { signal: gone.signal });
    }
    call.end();
  } catch (error) {
    if (!gone.signal.aborted) call.emit("error", toServiceError(error));
  }
}

function answering<Request>(
  callerOf: (metadata: Metadata) => JobCaller,
  handle: (request: Request, caller: JobCaller) => Promise<object>,
): (call: ServerUnaryCall<Request, object>, callback: sendUnaryData<object>) => void {
  return (call, callback) => {
    handle(call.request, callerOf(call.metadata)).then(
      (answer) => callback(null, answer),
      (error: unknown) => callback(toServiceError(error)),
    );
  };
}
