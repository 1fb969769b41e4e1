// Starts the callers of a trivial model.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const PROGRAM = join(import.meta.dirname, "caller.ts");
const WHILE_MEASURED_S = 3600;

/** How many calls a second are answered. @throws Error when one is not */
export async function callsAnswered(port: number, model: string, seconds: number): Promise<number> {
  const { stdout } = await run(process.execPath, [PROGRAM, String(port), model, "all", String(seconds)]);
  return Number(stdout) / seconds;
}

/** Calls at a steady rate while `measure` runs. @throws Error when a call has no answer */
export async function besideCalls<Result>(port: number, model: string, perSecond: number, measure: () => Promise<Result>): Promise<Result> {
  const caller = spawn(process.execPath, [PROGRAM, String(port), model, String(perSecond), String(WHILE_MEASURED_S)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const exited = once(caller, "exit");
  const failed = exited.then(() => {
    throw new Error("a call had no answer");
  });
  try {
    return await Promise.race([measure(), failed]);
  } finally {
    failed.catch(() => {});
    caller.kill("SIGKILL");
    await exited;
  }
}
