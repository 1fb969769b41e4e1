// idiom get: models, their versions, nodes.
import type { Command } from "commander";
import type { NodeSummary, VersionSummary } from "../../core/admin.ts";
import { withAdmin } from "../admin-client.ts";
import { formatOption, type GlobalOptions, serverOption } from "../options.ts";
import { age, type Column, FORMATS, firstLine, printRows, shortDigest } from "../output.ts";

interface ModelRow {
  readonly name: string;
  /** The one that answers a request that names none. */
  readonly version: string;
  readonly state: string;
  readonly runtime: string;
  readonly reason: string;
  /** All of them, the newest first. */
  readonly versions: readonly string[];
}

const MODELS: readonly Column<ModelRow>[] = [
  { title: "NAME", value: (model) => model.name },
  { title: "VERSION", value: (model) => model.version },
  { title: "STATE", value: (model) => model.state },
  { title: "RUNTIME", value: (model) => model.runtime },
  { title: "VERSIONS", value: (model) => model.versions.join(","), wide: true },
  { title: "REASON", value: (model) => firstLine(model.reason), wide: true },
];

const VERSIONS: readonly Column<VersionSummary>[] = [
  { title: "NAME", value: (version) => version.name },
  { title: "VERSION", value: (version) => version.version },
  { title: "STATE", value: (version) => version.state },
  { title: "RUNTIME", value: (version) => version.runtime },
  { title: "INSTANCES", value: (version) => `${version.readyInstances}/${version.instances}` },
  { title: "DIGEST", value: (version) => shortDigest(version.digest) },
  { title: "UPDATE", value: (version) => version.update?.state ?? "" },
  { title: "NODES", value: (version) => version.readyNodes.join(","), wide: true },
  { title: "REASON", value: (version) => firstLine(version.reason || (version.update?.reason ?? "")), wide: true },
];

const NODES: readonly Column<NodeSummary>[] = [
  { title: "NAME", value: (node) => node.name },
  { title: "STATE", value: (node) => node.state },
  { title: "ROLE", value: (node) => node.role },
  { title: "RUNTIMES", value: (node) => usable(node).join(",") || "-" },
  { title: "INSTANCES", value: (node) => (node.role === "gateway" ? "-" : `${node.readyInstances}/${node.instances}`) },
  { title: "WAITING", value: (node) => String(node.waiting) },
  { title: "AGE", value: (node) => age(Date.now() - node.startedAtMs) },
  { title: "HOST", value: (node) => node.host, wide: true },
  { title: "PID", value: (node) => String(node.pid), wide: true },
  { title: "IDIOM", value: (node) => node.idiomVersion, wide: true },
];

export function registerGet(program: Command): void {
  const get = program.command("get").description("list what a running server has");
  const kind = (name: string, alias: string, description: string, print: (options: GlobalOptions) => Promise<void>): void => {
    get.command(name).alias(alias).description(description).addOption(serverOption()).addOption(formatOption(FORMATS)).action(print);
  };
  kind("models", "model", "list models, and the version of each that answers", async ({ server, output }) => {
    const versions = await withAdmin(server, (admin) => admin.listModels());
    printRows(modelRows(versions), MODELS, (model) => model.name, output);
  });
  kind("versions", "version", "list the versions of all models", async ({ server, output }) => {
    const versions = await withAdmin(server, (admin) => admin.listModels());
    printRows(versions, VERSIONS, (version) => `${version.name}/${version.version}`, output);
  });
  kind("nodes", "node", "list the processes of the cluster: gateways and workers", async ({ server, output }) => {
    const nodes = await withAdmin(server, (admin) => admin.listNodes());
    printRows(nodes, NODES, (node) => node.name, output);
  });
}

/** One row a model; `versions` come by name, the newest first. */
export function modelRows(versions: readonly VersionSummary[]): ModelRow[] {
  return [...Map.groupBy(versions, (version) => version.name)].map(([name, own]) => {
    const { version, state, runtime, reason } = own.find((candidate) => candidate.state === "ready") ?? (own[0] as VersionSummary);
    return { name, version, state, runtime, reason, versions: own.map((candidate) => candidate.version) };
  });
}

function usable(node: NodeSummary): string[] {
  return node.runtimes.filter((runtime) => runtime.problem === "").map((runtime) => runtime.language);
}
