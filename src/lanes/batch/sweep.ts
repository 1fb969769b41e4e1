// Removes jobs whose time is over: their files, and what the ledger knows of them.
import { rm } from "node:fs/promises";
import type { Logger } from "pino";
import type { JobData } from "./data.ts";
import type { Ledger } from "./ledger.ts";

export interface SweepParts {
  readonly ledger: Ledger;
  readonly data: Pick<JobData, "discard">;
  readonly folder: (id: string) => string;
  readonly log: Logger;
}

/** A job whose files lie elsewhere is removed there. Where nobody has done so for this long, nobody is left to. */
const ABANDONED_MS = 7 * 24 * 3_600_000;

/** `now`: ms since 1970. What cannot be removed is tried again the next time. */
export async function sweep(parts: SweepParts, now: number): Promise<void> {
  const { ledger, log } = parts;
  try {
    const abandoned = new Set(await ledger.expired(now - ABANDONED_MS));
    for (const id of await ledger.expired(now)) await remove(id, abandoned.has(id), parts).catch((error: Error) => told(log, error, id));
  } catch (error) {
    told(log, error as Error);
  }
}

async function remove(id: string, abandoned: boolean, { ledger, data, folder }: SweepParts): Promise<void> {
  const job = await ledger.find(id);
  const here = job === null || job.elsewhere === "";
  if (!here && !abandoned) return;
  if (here) {
    const path = job?.spec.output.path ?? null;
    if (path !== null) await data.discard({ path, job: id, fence: Number.POSITIVE_INFINITY, folder: folder(id) });
    await rm(folder(id), { recursive: true, force: true });
  }
  if (job !== null) await ledger.remove(job);
}

function told(log: Logger, error: Error, job?: string): void {
  log.debug({ job, error: error.message }, "ended jobs cannot be removed; trying again");
}
