// What the nodes' reports say of one version together. Pure: the same reports, the same words, on every gateway.
import type { VersionStatus } from "../core/model.ts";
import type { Member, NodeReport, ReportedVersion } from "../lanes/realtime/node-report.ts";
import { takesWork } from "../lanes/realtime/node-report.ts";

/** A version as one node reports it. */
export interface OnNode {
  readonly node: NodeReport;
  readonly version: ReportedVersion;
}

/** By key; a version that lies in a folder only where nobody runs its language is there too. */
export function reportsByVersion(nodes: readonly NodeReport[]): Map<string, OnNode[]> {
  return Map.groupBy(
    nodes.flatMap((node) => node.versions.map((version) => ({ node, version }))),
    ({ version }) => version.key,
  );
}

/** Those that have it ready and take work. */
export function readyOnes(reports: readonly OnNode[]): OnNode[] {
  return reports.filter(({ node, version }) => takesWork(node) && version.state === "ready");
}

/** Whether a node takes calls to the version, now or once it is ready there. */
export function willServe({ node, version }: OnNode): boolean {
  return takesWork(node) && version.state !== "failed" && version.state !== "foreign";
}

/**
 * The files that serve: `now`, while anybody has them ready, so that a rollout of new files is seen as one change; else those with
 * the most slots. Null when nobody has it ready.
 */
export function servingDigest(reports: readonly OnNode[], now: string | undefined): string | null {
  const slots = new Map<string, number>();
  for (const { version } of readyOnes(reports)) slots.set(version.digest, (slots.get(version.digest) ?? 0) + version.slots);
  if (now !== undefined && slots.has(now)) return now;
  return [...slots].sort(([a, of], [b, other]) => other - of || a.localeCompare(b))[0]?.[0] ?? null;
}

/** Digests of what they run with, the one with the most slots first. */
export function environmentsOf(reports: readonly OnNode[]): string[] {
  const slots = new Map<string, number>();
  for (const { version } of reports) slots.set(version.environment, (slots.get(version.environment) ?? 0) + version.slots);
  return [...slots].sort(([a, of], [b, other]) => other - of || a.localeCompare(b)).map(([environment]) => environment);
}

/** Those that run it, or would: foreign ones merely have its files. */
export function runningOnes(reports: readonly OnNode[]): OnNode[] {
  return reports.filter(({ version }) => version.state !== "foreign");
}

/** What a version that nobody has ready is. */
export function stateWithoutReady(reports: readonly OnNode[]): "loading" | "unavailable" | "failed" {
  const states = runningOnes(reports)
    .filter(({ node }) => takesWork(node))
    .map(({ version }) => version.state);
  if (states.includes("loading")) return "loading";
  return states.length > 0 && states.every((state) => state === "failed") ? "failed" : "unavailable";
}

/** Why nobody serves a version, and what to do; `runtime` is its language, empty when nobody knows. */
export function whyNotServed(reports: readonly OnNode[], nodes: readonly NodeReport[], runtime: string): string {
  const running = runningOnes(reports);
  if (running.length === 0) return `no worker serves it${nobodyRuns(nodes, runtime)}`;
  const [first] = running;
  if (running.length === 1 && first?.node.state === "serving") return `${reasonOn(first)}${nodes.length > 1 ? ` (node '${first.node.name}')` : ""}`;
  const differ = new Set(running.map(({ version }) => version.digest)).size > 1;
  return running
    .map((one) => {
      const { name, state } = one.node;
      const files = differ ? ` (files ${shortDigest(one.version.digest)})` : "";
      return state === "serving" ? `node '${name}'${files}: ${firstLine(reasonOn(one))}` : `node '${name}'${files} is ${state}`;
    })
    .join("; ");
}

function nobodyRuns(nodes: readonly NodeReport[], runtime: string): string {
  if (runtime === "") return "";
  if (!nodes.some((node) => takesWork(node) && node.runtimes.some(({ language }) => language === runtime)))
    return `: none runs ${runtime}; start one with: idiom worker --runtimes ${runtime}`;
  return `: those that run ${runtime} do not have it in their folder of models`;
}

function reasonOn({ version }: OnNode): string {
  return version.reason || `it is ${version.state}`;
}

/** What is known of a version, and why it is not ready. */
export interface VersionState {
  readonly name: string;
  readonly number: string;
  readonly state: VersionStatus["state"];
  readonly reason: string;
  /** Of the files that serve, or would; empty when nobody knows. */
  readonly digest: string;
}

/** What is not as it should be with a version: sentences that name it, and the nodes where there are several. */
export function versionProblems(version: VersionState, reports: readonly OnNode[], nodes: readonly NodeReport[]): string[] {
  const who = `model '${version.name}' version '${version.number}'`;
  const ready = version.state === "ready";
  const running = runningOnes(reports).filter(({ node }) => takesWork(node));
  const on = ({ node }: OnNode): string => (nodes.length > 1 ? ` on node '${node.name}'` : "");
  const lacking = running.filter(({ version: { state } }) => state === "failed" || state === "unavailable");
  const others = (ready ? running : readyOnes(reports)).filter(({ version: { digest } }) => digest !== "" && digest !== version.digest);
  return [
    ...(ready ? lacking.map((one) => `${who}${on(one)} is ${one.version.state}: ${firstLine(one.version.reason)}`) : []),
    ...(ready || version.state === "loading" ? [] : [`${who} is ${version.state}: ${firstLine(version.reason)}`]),
    ...others.map((one) => `${who}: ${otherFilesOn(one, version.digest, ready ? "those that serve" : "those of this node")}`),
    ...running.flatMap((one) =>
      one.version.update?.state === "failed"
        ? [`${who}${on(one)} serves what its folder held before; what it holds now: ${firstLine(one.version.update.reason)}`]
        : [],
    ),
  ];
}

function otherFilesOn({ node, version }: OnNode, digest: string, than: string): string {
  return `node '${node.name}' has other files (${shortDigest(version.digest)}) than ${than} (${shortDigest(digest)}); give all nodes the same folder`;
}

/** By name, each by one that no other has: where two are called the same, the end of the id follows. */
export function distinctNames<Node extends NodeReport>(nodes: readonly Node[]): Node[] {
  const bearers = Map.groupBy(nodes, ({ name }) => name);
  return nodes
    .map((node) => ((bearers.get(node.name)?.length ?? 0) > 1 ? { ...node, name: `${node.name}~${node.id.slice(-8)}` } : node))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Names that several nodes have. */
export function sharedNames(nodes: readonly Member[]): string[] {
  return [...Map.groupBy(nodes, ({ name }) => name)].filter(([, bearers]) => bearers.length > 1).map(([name]) => name);
}

export function firstLine(text: string): string {
  return text.split("\n")[0] as string;
}

function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
