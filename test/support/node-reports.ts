// What nodes of a cluster could say of themselves.
import type { Member, ReportedVersion } from "../../src/lanes/realtime/node-report.ts";

export const READY_VERSION: ReportedVersion = {
  key: "m/1",
  name: "m",
  version: "1",
  digest: "a",
  environment: "e",
  runtime: "python",
  state: "ready",
  reason: "",
  slots: 2,
  readyInstances: 2,
  instances: 2,
  update: null,
};

/** A worker called `id`, with Python. Versions are `READY_VERSION` but for what they say. */
export function nodeReport(id: string, versions: readonly Partial<ReportedVersion>[], rest: Partial<Member> = {}): Member {
  return {
    id,
    name: id,
    role: "worker",
    host: "h",
    pid: 1,
    idiom: "0",
    startedAtMs: 0,
    state: "serving",
    runtimes: [{ language: "python", version: "", problem: "" }],
    sandbox: null,
    problems: [],
    versions: versions.map((version) => ({ ...READY_VERSION, ...version })),
    waiting: 0,
    ...rest,
  };
}
