// idiom job: batch scoring. A file goes in, a file comes out, by way of the jobs service.
import { createWriteStream, existsSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { CliFailure, EXIT } from "../failure.ts";
import { type JobClient, type JobMessage, withJobs } from "../job-client.ts";
import { conclude, follow, JOB_COLUMNS } from "../job-output.ts";
import { formatOption, type GlobalOptions, parsePositive, serverOption } from "../options.ts";
import { FORMATS, note, print, printRows } from "../output.ts";

interface SubmitOptions extends GlobalOptions {
  readonly in: string;
  readonly out?: string;
  readonly inFormat: string;
  readonly outFormat: string;
  readonly onServer?: boolean;
  readonly keep: string[];
  readonly maxFailedRows: string;
  readonly priority: number;
  readonly idempotencyKey: string;
  readonly modelVersion: string;
  readonly wait?: boolean;
}

const CHANGES = [
  ["cancel", "Cancel", "stop a job; what is done is kept for a retry"],
  ["pause", "Pause", "start no more of a job until it is resumed"],
  ["resume", "Resume", "go on with a paused job"],
  ["retry", "Retry", "run again what failed of a job that has ended"],
] as const;

export function registerJob(program: Command): void {
  const job = program.command("job").description("score files of rows");
  job
    .command("submit <model>")
    .description("score every row of a file")
    .requiredOption("--in <file>", "CSV with a header, JSON Lines (.gz and .zst are unpacked), Parquet, or Arrow")
    .option("--out <file>", "where the answers go; needs --wait, unless it is on the server")
    .option("--in-format <format>", "csv, jsonl, parquet, arrow or arrow-stream, where the name does not say", "")
    .option("--out-format <format>", "as above; without it as the name says, or as the input", "")
    .option("--on-server", "both are files of the server, below its batchRoots: nothing is uploaded (as always with s3://bucket/key)")
    .option("--keep <columns...>", 'columns of the input to write before the answers; "*" is all', [])
    .option("--max-failed-rows <n|n%>", "more failed rows fail the job; without it any number may", "")
    .option("--priority <n>", "1 is high, 2 normal, 3 low", parsePositive, 2)
    .option("--idempotency-key <key>", "submitting again with the same key gives the same job", "")
    .option("--model-version <n>", "a version; without it the newest that is ready", "")
    .option("--wait", "show the progress until the job has ended, then fetch the output")
    .addOption(serverOption())
    .addOption(formatOption(FORMATS))
    .addHelpText(
      "after",
      "\nExamples:\n  idiom job submit wine --in new.csv --out scored.csv --wait\n  idiom job submit wine --on-server --in /data/new.csv.gz --out /data/scored.csv --keep id\n  idiom job submit wine --in s3://sales/new.csv.gz --out s3://sales/scored.csv",
    )
    .action((model: string, options: SubmitOptions) => withJobs(options.server, (jobs) => submit(jobs, model, options)));
  job
    .command("list")
    .description("the jobs, the newest first")
    .addOption(serverOption())
    .addOption(formatOption(FORMATS))
    .action(({ server, output }: GlobalOptions) => withJobs(server, async (jobs) => printRows(await jobs.list(), JOB_COLUMNS, ({ id }) => id, output)));
  job
    .command("show <id>")
    .description("one job")
    .addOption(serverOption())
    .addOption(formatOption(FORMATS))
    .action((id: string, { server, output }: GlobalOptions) =>
      withJobs(server, async (jobs) => printRows([await jobs.get(id)], JOB_COLUMNS, ({ id: name }) => name, output)),
    );
  job
    .command("watch <id>")
    .description("show the progress until the job has ended; exit code 1 when it did not succeed")
    .addOption(serverOption())
    .action((id: string, { server }: GlobalOptions) =>
      withJobs(server, async (jobs) => {
        process.exitCode = conclude(await follow(jobs, id));
      }),
    );
  job
    .command("output <id>")
    .description("print the output of a job that has succeeded")
    .addOption(serverOption())
    .action((id: string, { server }: GlobalOptions) => withJobs(server, (jobs) => toStdout(jobs.output(id))));
  job
    .command("errors <id>")
    .description("print the rows that failed so far, a JSON object a line")
    .addOption(serverOption())
    .action((id: string, { server }: GlobalOptions) => withJobs(server, (jobs) => toStdout(jobs.errors(id))));
  for (const [name, method, description] of CHANGES) {
    job
      .command(`${name} <id>`)
      .description(description)
      .addOption(serverOption())
      .addOption(formatOption(FORMATS))
      .action((id: string, { server, output }: GlobalOptions) =>
        withJobs(server, async (jobs) => printRows([await jobs.change(method, id)], JOB_COLUMNS, ({ id: changed }) => changed, output)),
      );
  }
}

async function submit(jobs: JobClient, model: string, options: SubmitOptions): Promise<void> {
  const { in: input, out, onServer = false, wait = false } = options;
  const isThere = (name: string): boolean => onServer || name.startsWith("s3://");
  checkFiles(isThere(input) ? null : input, out === undefined || isThere(out) ? null : out, wait);
  const place = (name: string): object => (isThere(name) ? { path: name } : { name: basename(name) });
  const submitted = await jobs.submit({
    model,
    version: options.modelVersion,
    input: { ...place(input), format: options.inFormat },
    output: { ...(out === undefined ? {} : place(out)), format: options.outFormat },
    keep: options.keep,
    maxFailedRows: options.maxFailedRows,
    priority: options.priority,
    idempotencyKey: options.idempotencyKey,
  });
  const job = submitted.awaitsUpload ? await jobs.upload(submitted.id, input) : submitted;
  if (!wait) return printRows([job], JOB_COLUMNS, ({ id }) => id, options.output);
  process.once("SIGINT", () => {
    note(`\njob ${job.id} goes on; idiom job watch ${job.id} shows it again`);
    process.exit(EXIT.interrupted);
  });
  const ended = await follow(jobs, job.id);
  process.exitCode = conclude(ended);
  if (ended.state === "succeeded" && ended.output.path === "") await fetchOutput(jobs, ended, out);
}

/** Those of this machine, before anything is sent; null: it is not here. */
function checkFiles(input: string | null, out: string | null, wait: boolean): void {
  if (input !== null && statSync(input, { throwIfNoEntry: false })?.isFile() !== true) throw new CliFailure(`there is no file ${input}`, EXIT.invalid);
  if (out === null) return;
  if (!wait)
    throw new CliFailure("--out needs --wait: the answers are fetched once the job has succeeded (or name a file of the server with --on-server)", EXIT.usage);
  if (!existsSync(dirname(out))) throw new CliFailure(`there is no folder ${dirname(out)}`, EXIT.invalid);
}

/** The file is there whole or not at all. */
async function fetchOutput(jobs: JobClient, job: JobMessage, out: string | undefined): Promise<void> {
  if (out === undefined) return print(`idiom job output ${job.id}`);
  const partial = join(dirname(out), `.${basename(out)}.${job.id}`);
  try {
    await pipeline(bytesOf(jobs.output(job.id)), createWriteStream(partial));
    await rename(partial, out);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function toStdout(chunks: AsyncIterable<{ data: Buffer }>): Promise<void> {
  await pipeline(bytesOf(chunks), process.stdout, { end: false });
}

async function* bytesOf(chunks: AsyncIterable<{ data: Buffer }>): AsyncGenerator<Buffer, void, void> {
  for await (const { data } of chunks) yield data;
}
