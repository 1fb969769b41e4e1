// What a registry's entry says of its version, for `describe model`, wherever the version runs.
import type { TensorSummary, VersionDescription } from "../core/admin.ts";
import type { VersionStatus } from "../core/model.ts";
import type { TensorSpec } from "../core/signature.ts";
import type { RegistryEntry } from "../registry/registry.ts";

export function describeEntry({ version, status }: RegistryEntry): Omit<VersionDescription, "summary" | "instances" | "nodes"> {
  const signature = "signature" in status ? status.signature : null;
  const manifest = version?.manifest ?? null;
  return {
    environment: environmentOf(status),
    folder: version?.folder ?? "",
    entry: manifest?.entry ?? "",
    per: manifest?.per ?? "",
    idempotent: manifest?.idempotent ?? false,
    batching: manifest?.batching ?? null,
    limits: manifest?.limits ?? null,
    scale: manifest?.instances ?? null,
    inputs: signature?.inputs.map(tensorSummary) ?? [],
    outputs: signature?.outputs.map(tensorSummary) ?? [],
  };
}

/** Digest of what it runs with; empty while it is not ready. */
export function environmentOf(status: VersionStatus): string {
  return status.state === "ready" ? (status.environments[0] ?? "") : "";
}

function tensorSummary({ name, datatype, shape, contentType, na, levels }: TensorSpec): TensorSummary {
  return { name, datatype, shape, contentType: contentType ?? "", na: na === null ? "" : JSON.stringify(na), levels: levels ?? [] };
}
