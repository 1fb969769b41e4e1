// idiom describe model: one model in full.
import { type Command, Option } from "commander";
import { stringify } from "yaml";
import type { InstanceSummary, TensorSummary, VersionDescription, VersionOnNode } from "../../core/admin.ts";
import { withAdmin } from "../admin-client.ts";
import { CliFailure, EXIT } from "../failure.ts";
import { formatOption, type GlobalOptions, serverOption } from "../options.ts";
import { plainTable, print, shortDigest } from "../output.ts";

interface DescribeOptions extends GlobalOptions {
  readonly modelVersion: string;
}

export function registerDescribe(program: Command): void {
  program
    .command("describe <kind> <name>")
    .description("show one model in full: describe model NAME")
    .addOption(new Option("--model-version <n>", "this version alone").default("", "all"))
    .addOption(serverOption())
    .addOption(formatOption(["table", "json", "yaml"]))
    .action(async (kind: string, name: string, { server, output, modelVersion }: DescribeOptions) => {
      if (kind !== "model" && kind !== "models") throw new CliFailure(`cannot describe '${kind}'; there is: idiom describe model NAME`, EXIT.usage);
      const versions = await withAdmin(server, (admin) => admin.describeModel(name, modelVersion));
      if (output === "json") print(JSON.stringify(versions, null, 2));
      else if (output === "yaml") print(stringify(versions).trimEnd());
      else print(versions.map(describe).join("\n\n"));
    });
}

function describe({
  summary,
  environment,
  folder,
  entry,
  per,
  idempotent,
  batching,
  limits,
  scale,
  inputs,
  outputs,
  instances,
  nodes,
}: VersionDescription): string {
  const { update } = summary;
  const lines = [
    field("Name", summary.name),
    field("Version", summary.version),
    field("State", summary.state),
    field("Reason", summary.reason),
    field("Runtime", summary.runtime),
    field("Digest", shortDigest(summary.digest)),
    field("Environment", shortDigest(environment)),
    field("Update", update === null ? "" : `${update.state} ${shortDigest(update.digest)}${update.reason === "" ? "" : `\n${update.reason}`}`),
    field("Folder", folder),
    field("Entry", entry),
    field("Per", per),
    ...(limits === null
      ? []
      : [
          field("Idempotent", idempotent ? "yes" : "no: never merged, never run a second time"),
          field("Batching", batching === null ? "never merged" : `up to ${batching.maxSize} rows, ${batching.maxBytes} bytes, waits ${batching.maxDelayMs} ms`),
          field("Limits", `timeout ${limits.timeoutMs} ms, memory ${limits.memoryBytes} bytes`),
        ]),
    field("Scale", scale === null ? "" : scaleOf(scale)),
    ...section("Inputs", tensorTable(inputs)),
    ...section("Outputs", tensorTable(outputs)),
    ...section("Nodes", nodeTable(nodes)),
    ...section("Instances", instanceTable(instances)),
    ...section("Last exits", exitList(instances)),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

/** Nothing for what does not apply; further lines are indented. */
function field(name: string, value: string): string {
  return value === "" ? "" : `${`${name}:`.padEnd(13)}${value.replaceAll("\n", `\n${" ".repeat(13)}`)}`;
}

function section(title: string, table: string | null): string[] {
  return table === null ? [] : [`${title}:`, table.replaceAll(/^/gm, "  ")];
}

function tensorTable(tensors: readonly TensorSummary[]): string | null {
  if (tensors.length === 0) return null;
  return plainTable(
    ["NAME", "DATATYPE", "SHAPE", "MISSING", "LEVELS"],
    tensors.map(({ name, datatype, shape, na, levels }) => [name, datatype, `[${shape.join(",")}]`, na, levels.join(",")]),
  );
}

function nodeTable(nodes: readonly VersionOnNode[]): string | null {
  if (nodes.length === 0) return null;
  return plainTable(
    ["NODE", "STATE", "SLOTS", "DIGEST", "ENVIRONMENT", "REASON"],
    nodes.map(({ node, state, slots, digest, environment, reason }) => [node, state, String(slots), shortDigest(digest), shortDigest(environment), reason]),
  );
}

function scaleOf({ min, max }: { readonly min: number; readonly max: number }): string {
  const count = min === max ? String(max) : `${min} to ${max}, by the work that waits`;
  return `${count} ${max === 1 ? "instance" : "instances"} on each node`;
}

/** How the last process of each instance ended that was not asked to, with what it printed at the end. */
function exitList(instances: readonly InstanceSummary[]): string | null {
  const exits = instances.flatMap(({ name, lastExit }) => (lastExit === null ? [] : [`${name}, ${new Date(lastExit.atMs).toISOString()}: ${lastExit.reason}`]));
  return exits.length === 0 ? null : exits.join("\n");
}

function instanceTable(instances: readonly InstanceSummary[]): string | null {
  if (instances.length === 0) return null;
  return plainTable(
    ["NAME", "NODE", "STATE", "GENERATION", "PID", "DIGEST", "REASON"],
    instances.map(({ name, node, state, generation, pid, digest, reason }) => [
      name,
      node,
      state,
      String(generation),
      pid === 0 ? "" : String(pid),
      shortDigest(digest),
      reason.split("\n")[0] as string,
    ]),
  );
}
