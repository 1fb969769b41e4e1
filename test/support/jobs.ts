// Jobs as tests see them: through the jobs service, as every client does.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { JobClient, type JobMessage, type SubmitMessage } from "../../src/cli/job-client.ts";
import { processFolder } from "./folders.ts";

export type { JobMessage } from "../../src/cli/job-client.ts";

const DEFAULTS: SubmitMessage = { model: "", version: "", input: {}, output: {}, keep: [], maxFailedRows: "", priority: 0, idempotencyKey: "" };

export interface FailedRow {
  readonly row: number;
  readonly code: string;
  readonly cause: string;
  readonly data: unknown;
}

export class Jobs {
  readonly client: JobClient;
  readonly #folder = processFolder();
  #files = 0;

  /** `server` is `host:port`. */
  constructor(server: string, apiKey?: string) {
    this.client = new JobClient(server, apiKey);
  }

  /** Submits `content` as an upload under this name. */
  async submit(model: string, name: string, content: string | Uint8Array, rest: Partial<SubmitMessage> = {}): Promise<JobMessage> {
    const { id } = await this.announce(model, name, rest);
    return this.upload(id, content);
  }

  /** Submits what is still to be uploaded under this name. */
  announce(model: string, name: string, rest: Partial<SubmitMessage> = {}): Promise<JobMessage> {
    return this.client.submit({ ...DEFAULTS, model, input: { name }, ...rest });
  }

  upload(id: string, content: string | Uint8Array): Promise<JobMessage> {
    const path = join(this.#folder, String(this.#files++));
    writeFileSync(path, content);
    return this.client.upload(id, path);
  }

  /** Submits files of the server. */
  submitPaths(model: string, input: string, output: string, rest: Partial<SubmitMessage> = {}): Promise<JobMessage> {
    return this.client.submit({ ...DEFAULTS, model, input: { path: input }, output: { path: output }, ...rest });
  }

  /** The first state of the job, from now on, for which `matches` holds. @throws Error when it ends without. */
  async until(id: string, matches: (job: JobMessage) => boolean): Promise<JobMessage> {
    let last: JobMessage | null = null;
    for await (const job of this.client.watch(id)) {
      last = job;
      if (matches(job)) return job;
    }
    throw new Error(`the job ended as ${JSON.stringify(last)}`);
  }

  /** The job once it has ended. */
  async end(id: string): Promise<JobMessage> {
    return this.until(id, ({ state }) => state === "succeeded" || state === "failed" || state === "cancelled");
  }

  /** Runs a job to its end and returns its output. @throws Error when it does not succeed. */
  async score(model: string, name: string, content: string | Uint8Array, rest: Partial<SubmitMessage> = {}): Promise<string> {
    const { id } = await this.submit(model, name, content, rest);
    const job = await this.end(id);
    if (job.state !== "succeeded") throw new Error(`the job ${job.state}: ${job.reason}`);
    return this.output(id);
  }

  output(id: string): Promise<string> {
    return text(this.#bytes(this.client.output(id)));
  }

  outputBytes(id: string): Promise<Buffer> {
    return buffer(this.#bytes(this.client.output(id)));
  }

  async errors(id: string): Promise<FailedRow[]> {
    const lines = await text(this.#bytes(this.client.errors(id)));
    return lines
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as FailedRow);
  }

  async *#bytes(chunks: AsyncIterable<{ data: Buffer }>): AsyncGenerator<Buffer, void, void> {
    for await (const { data } of chunks) yield data;
  }
}

/** What a call of the jobs service failed with. */
export async function failureOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it did not fail");
}
