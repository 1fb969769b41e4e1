// What `idiom up` says of its models once they have settled.
import type { VersionStatus } from "../core/model.ts";
import type { RealtimeLane } from "../lanes/realtime/lane.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";
import { checkGolden, type GoldenReport } from "./golden-check.ts";

export interface VersionSummary {
  readonly name: string;
  readonly version: string;
  /** "" when the folder could not be read. */
  readonly runtime: string;
  readonly state: VersionStatus["state"];
  /** Why it is not ready; "" when it is. */
  readonly reason: string;
  readonly golden: GoldenReport;
  /** Where its golden files are: a folder and a pattern; null when the folder could not be read. */
  readonly goldenFiles: { readonly folder: string; readonly pattern: string } | null;
}

/** Checks the golden answers of every version that is ready. */
export function summaryOf(registry: Registry, lane: RealtimeLane): Promise<VersionSummary[]> {
  return Promise.all(
    registry.entries().map(async (entry) => ({
      name: entry.name,
      version: entry.versionNumber,
      runtime: entry.version?.manifest.runtime ?? "",
      state: entry.status.state,
      reason: "reason" in entry.status ? entry.status.reason : "",
      golden: await goldenOf(entry, lane),
      goldenFiles: entry.version === null ? null : { folder: entry.version.folder, pattern: entry.version.manifest.golden },
    })),
  );
}

async function goldenOf({ version, status }: RegistryEntry, lane: RealtimeLane): Promise<GoldenReport> {
  if (version === null || status.state !== "ready") return { result: "none" };
  return status.slots === 0 ? { result: "dormant" } : checkGolden(version, status.signature, lane);
}

/** What several processes with the same models say, as one: of each version, what is worst. */
export function mergeSummaries(summaries: readonly (readonly VersionSummary[])[]): VersionSummary[] {
  const badness = ({ state, golden }: VersionSummary): number => (state === "ready" ? 0 : 2) + (golden.result === "failed" ? 1 : 0);
  const byVersion = Map.groupBy(summaries.flat(), ({ name, version }) => `${name}/${version}`);
  return [...byVersion.values()].map((same) => same.reduce((worst, next) => (badness(next) > badness(worst) ? next : worst)));
}
