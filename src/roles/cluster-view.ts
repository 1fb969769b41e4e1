// The cluster at one moment: its members, each by a name of its own, and every version as they and this process' registry know it.
import { IdiomError } from "../core/errors.ts";
import { type VersionStatus, versionKey } from "../core/model.ts";
import type { Member } from "../lanes/realtime/node-report.ts";
import type { Registry } from "../registry/registry.ts";
import {
  distinctNames,
  type OnNode,
  readyOnes,
  reportsByVersion,
  runningOnes,
  servingDigest,
  sharedNames,
  stateWithoutReady,
  versionProblems,
  whyNotServed,
} from "./cluster-versions.ts";

export interface ViewedVersion {
  readonly key: string;
  readonly name: string;
  readonly number: string;
  readonly runtime: string;
  readonly state: VersionStatus["state"];
  readonly reason: string;
  /** Of the files that serve; of any when none do. */
  readonly digest: string;
  /** The nodes that have it and run its language. */
  readonly onNodes: readonly OnNode[];
  readonly readyNodes: readonly string[];
}

export class ClusterView {
  /** By name. */
  readonly members: readonly Member[];
  /** By name, the newest version first. */
  readonly versions: readonly ViewedVersion[];
  /** What is not as it should be, one sentence each. */
  readonly problems: readonly string[];

  /** `registry` is that of this process: it remembers what nobody reports any more. */
  constructor(members: readonly Member[], registry: Registry) {
    this.members = distinctNames(members);
    const nodes = this.members.filter(({ role }) => role !== "gateway");
    const reports = reportsByVersion(nodes);
    const local = new Map(registry.entries().map((entry) => [versionKey(entry.name, entry.versionNumber), entry]));
    const digests = new Map([...reports].map(([key, on]) => [key, servingDigest(on, local.get(key)?.version?.digest)]));
    const reported = [...reports].map(([key, on]) => view(key, on, digests.get(key) ?? null, nodes));
    const remembered = [...local]
      .filter(([key]) => !reports.has(key))
      .map(([key, { name, versionNumber, version, status }]): ViewedVersion => {
        const reason = "reason" in status ? status.reason : "";
        const [runtime, digest] = [version?.manifest.runtime ?? "", version?.digest ?? ""];
        return { key, name, number: versionNumber, runtime, state: status.state, reason, digest, onNodes: [], readyNodes: [] };
      });
    this.versions = [...reported, ...remembered].sort((a, b) => a.name.localeCompare(b.name) || Number(b.number) - Number(a.number));
    this.problems = [
      ...sharedNames(members).map((name) => `several nodes are called '${name}': give each its own IDIOM_NODE_NAME`),
      ...this.members.filter(({ state }) => state !== "serving").map(({ name, state }) => `node '${name}' is ${state}`),
      ...this.members.flatMap(({ name, problems }) => problems.map((problem) => (members.length > 1 ? `node '${name}': ${problem}` : problem))),
      ...[...reports].flatMap(([key, on]) => versionProblems(on, digests.get(key) ?? null, nodes)),
      ...remembered.flatMap(({ name, number, state, reason }) => (state === "ready" ? [] : [`model '${name}' version '${number}' is ${state}: ${reason}`])),
    ];
  }

  nameOf(id: string): string {
    return this.members.find((member) => member.id === id)?.name ?? id;
  }

  /** By its name or its id. @throws IdiomError NODE_NOT_FOUND */
  find(name: string): Member {
    const found = this.members.find((member) => member.name === name || member.id === name);
    if (found !== undefined) return found;
    const names = this.members.map((member) => member.name).join(", ");
    throw new IdiomError("NODE_NOT_FOUND", `there is no node '${name}'; there ${this.members.length === 1 ? "is" : "are"}: ${names}`);
  }
}

function view(key: string, reports: readonly OnNode[], serving: string | null, nodes: readonly Member[]): ViewedVersion {
  const { version: first } = reports[0] as OnNode;
  const onNodes = runningOnes(reports);
  const about = { key, name: first.name, number: first.version, runtime: onNodes[0]?.version.runtime || first.runtime, onNodes };
  if (serving === null) {
    const state = stateWithoutReady(reports);
    const reason = state === "loading" ? "" : whyNotServed(reports, nodes, about.runtime);
    return { ...about, state, reason, digest: (onNodes[0]?.version ?? first).digest, readyNodes: [] };
  }
  const serve = readyOnes(reports).filter(({ version }) => version.digest === serving);
  return { ...about, state: "ready", reason: "", digest: serving, readyNodes: serve.map(({ node }) => node.name) };
}
