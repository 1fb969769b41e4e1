// The cluster at one moment: its members, each by a name of its own, and every version that this process' front doors know, with the
// nodes that have it.
import { IdiomError } from "../core/errors.ts";
import { versionKey } from "../core/model.ts";
import type { Member } from "../lanes/realtime/node-report.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";
import { distinctNames, type OnNode, readyOnes, reportsByVersion, runningOnes, sharedNames, type VersionState, versionProblems } from "./cluster-versions.ts";

export interface ViewedVersion extends VersionState {
  readonly key: string;
  readonly runtime: string;
  /** What this process knows of it, wherever it runs. */
  readonly entry: RegistryEntry;
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

  /** `registry` is that of this process' front doors: what they answer is what is shown. */
  constructor(members: readonly Member[], registry: Registry) {
    this.members = distinctNames(members);
    const nodes = this.members.filter(({ role }) => role !== "gateway");
    const reports = reportsByVersion(nodes);
    const of = (key: string): readonly OnNode[] => reports.get(key) ?? [];
    this.versions = registry.entries().map((entry) => view(entry, of(versionKey(entry.name, entry.versionNumber))));
    // What is away is said once, not of every version.
    const reachable = this.versions.filter(({ state, reason }) => state === "ready" || reason !== registry.whyUnknown);
    this.problems = [
      ...sharedNames(members).map((name) => `several nodes are called '${name}': give each its own IDIOM_NODE_NAME`),
      ...this.members.filter(({ state }) => state !== "serving").map(({ name, state }) => `node '${name}' is ${state}`),
      ...this.members.flatMap(({ name, problems }) => problems.map((problem) => (members.length > 1 ? `node '${name}': ${problem}` : problem))),
      ...reachable.flatMap((version) => versionProblems(version, of(version.key), nodes)),
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

function view(entry: RegistryEntry, reports: readonly OnNode[]): ViewedVersion {
  const { name, versionNumber: number, version, status } = entry;
  const onNodes = runningOnes(reports);
  const reported = (onNodes[0] ?? reports[0])?.version;
  const digest = version?.digest ?? reported?.digest ?? "";
  const serve = status.state === "ready" ? readyOnes(reports).filter((one) => one.version.digest === digest) : [];
  return {
    key: versionKey(name, number),
    name,
    number,
    runtime: version?.manifest.runtime ?? reported?.runtime ?? "",
    state: status.state,
    reason: "reason" in status ? status.reason : "",
    digest,
    entry,
    onNodes,
    readyNodes: serve.map(({ node }) => node.name),
  };
}
