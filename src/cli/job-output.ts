// How jobs look: in a list, in full, and while they run.
import { Presets, SingleBar } from "cli-progress";
import picocolors from "picocolors";
import { EXIT } from "./failure.ts";
import type { JobClient, JobMessage } from "./job-client.ts";
import { age, type Column, note } from "./output.ts";

/** Off a terminal a line is printed no more often than this, unless the state changes. */
const LINE_MS = 5000;

export const JOB_COLUMNS: readonly Column<JobMessage>[] = [
  { title: "ID", value: (job) => job.id },
  { title: "MODEL", value: (job) => `${job.model}/${job.version}` },
  { title: "STATE", value: (job) => job.state },
  { title: "DONE", value: (job) => done(job) },
  { title: "FAILED", value: (job) => String(job.failedRows) },
  { title: "ROWS/S", value: (job) => (job.state === "running" ? String(Math.round(job.rowsPerSecond)) : "-") },
  { title: "LEFT", value: (job) => (job.timeLeftMs === undefined || job.state !== "running" ? "-" : age(job.timeLeftMs)) },
  { title: "AGE", value: (job) => age(Date.now() - job.submittedAtMs) },
  { title: "INPUT", value: (job) => job.input.path || "(uploaded)", wide: true },
  { title: "OUTPUT", value: (job) => job.output.path || "(kept with the job)", wide: true },
  { title: "REASON", value: (job) => job.reason.split("\n")[0] as string },
];

function done(job: JobMessage): string {
  if (job.awaitsUpload) return "awaits its upload";
  return job.totalRows === undefined ? `${job.doneRows}` : `${job.doneRows}/${job.totalRows}`;
}

/** Shows the job on standard error until it has ended, and returns what it was then. */
export async function follow(jobs: JobClient, id: string): Promise<JobMessage> {
  const show = process.stderr.isTTY === true ? barOn(process.stderr) : lines();
  let last: JobMessage | null = null;
  try {
    for await (const job of jobs.watch(id)) {
      last = job;
      show.job(job);
    }
  } finally {
    show.end();
  }
  return last ?? jobs.get(id);
}

interface Shown {
  job(job: JobMessage): void;
  end(): void;
}

function barOn(stream: NodeJS.WriteStream): Shown {
  const bar = new SingleBar(
    { stream, format: "{state} {bar} {value}/{total} rows  {rate} rows/s  {left}", hideCursor: true, autopadding: true, noTTYOutput: false },
    Presets.shades_classic,
  );
  bar.start(1, 0, { state: "queued", rate: 0, left: "" });
  return {
    job: (job) => {
      bar.setTotal(job.totalRows ?? Math.max(1, job.readRows));
      bar.update(job.doneRows, {
        state: job.state,
        rate: Math.round(job.rowsPerSecond),
        left: job.reason === "" ? (job.timeLeftMs === undefined ? "" : `${age(job.timeLeftMs)} left`) : (job.reason.split("\n")[0] as string),
      });
    },
    end: () => bar.stop(),
  };
}

function lines(): Shown {
  let state = "";
  let at = Number.NEGATIVE_INFINITY;
  return {
    job: (job) => {
      const now = performance.now();
      const what = `${job.state} ${job.reason}`;
      if (what === state && now - at < LINE_MS) return;
      state = what;
      at = now;
      note(
        `${job.state}: ${done(job)} rows${job.failedRows > 0 ? `, ${job.failedRows} failed` : ""}${job.reason === "" ? "" : `: ${job.reason.split("\n")[0]}`}`,
      );
    },
    end: () => {},
  };
}

/** Says how it ended, and returns the exit code of the command. */
export function conclude(job: JobMessage): number {
  const rows = `${job.doneRows - job.failedRows} rows scored${job.failedRows > 0 ? `, ${job.failedRows} failed (idiom job errors ${job.id})` : ""}`;
  if (job.state === "succeeded") {
    note(`${picocolors.green("succeeded")}: ${rows}`);
    return EXIT.ok;
  }
  note(`${picocolors.red(job.state)}: ${job.reason === "" ? rows : job.reason}`);
  for (const { firstRow, rows: count, attempts, cause } of job.deadChunks)
    note(`rows ${firstRow} to ${firstRow + count - 1} were given up after ${attempts} attempts: ${cause}`);
  return EXIT.failed;
}
