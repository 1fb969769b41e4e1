// The CLI's view of idiom.v1.JobsService.
import { createReadStream } from "node:fs";
import { Connection } from "./connection.ts";

const JOBS = { file: "idiom/v1/jobs.proto", service: "idiom.v1.JobsService", options: { longs: Number, defaults: true } } as const;
const UPLOAD_BYTES = 2 ** 18;

export interface DataMessage {
  readonly path: string;
  readonly format: string;
  readonly compression: string;
  readonly name: string;
}

/** As in jobs.proto. */
export interface JobMessage {
  readonly id: string;
  readonly model: string;
  readonly version: string;
  readonly digest: string;
  readonly environment: string;
  readonly state: "queued" | "running" | "paused" | "succeeded" | "failed" | "cancelled";
  readonly reason: string;
  readonly submittedAtMs: number;
  readonly stateSinceMs: number;
  readonly awaitsUpload: boolean;
  readonly totalRows?: number;
  readonly readRows: number;
  readonly doneRows: number;
  readonly failedRows: number;
  readonly rowsPerSecond: number;
  readonly timeLeftMs?: number;
  readonly priority: number;
  readonly input: DataMessage;
  readonly output: DataMessage;
  readonly deadChunks: readonly { readonly firstRow: number; readonly rows: number; readonly attempts: number; readonly cause: string }[];
}

export interface SubmitMessage {
  readonly model: string;
  readonly version: string;
  readonly input: Partial<DataMessage>;
  readonly output: Partial<DataMessage>;
  readonly keep: readonly string[];
  readonly maxFailedRows: string;
  readonly priority: number;
  readonly idempotencyKey: string;
}

export class JobClient {
  readonly #connection: Connection;

  /** `server` is `host:port`. */
  constructor(server: string, apiKey?: string) {
    this.#connection = new Connection(server, JOBS, apiKey);
  }

  submit(request: SubmitMessage): Promise<JobMessage> {
    return this.#connection.call("SubmitJob", request);
  }

  /** `path` is a file of this machine. */
  upload(id: string, path: string): Promise<JobMessage> {
    const messages = async function* (): AsyncGenerator<object, void, void> {
      yield { jobId: id };
      for await (const data of createReadStream(path, { highWaterMark: UPLOAD_BYTES })) yield { data };
    };
    return this.#connection.send("UploadInput", messages());
  }

  get(id: string): Promise<JobMessage> {
    return this.#connection.call("GetJob", { id });
  }

  async list(): Promise<JobMessage[]> {
    return (await this.#connection.call<{ jobs: JobMessage[] }>("ListJobs", {})).jobs;
  }

  watch(id: string): AsyncGenerator<JobMessage, void, void> {
    return this.#connection.stream("WatchJob", { id });
  }

  change(what: "Cancel" | "Pause" | "Resume" | "Retry", id: string): Promise<JobMessage> {
    return this.#connection.call(`${what}Job`, { id });
  }

  output(id: string): AsyncGenerator<{ data: Buffer }, void, void> {
    return this.#connection.stream("ReadOutput", { id });
  }

  errors(id: string): AsyncGenerator<{ data: Buffer }, void, void> {
    return this.#connection.stream("ReadErrors", { id });
  }

  close(): void {
    this.#connection.close();
  }
}

/** Runs `act` with a client that is closed after it. */
export async function withJobs<Result>(server: string, act: (jobs: JobClient) => Promise<Result>): Promise<Result> {
  const jobs = new JobClient(server);
  try {
    return await act(jobs);
  } finally {
    jobs.close();
  }
}
