// What each version has to do now, as `status` and `top` show it.
import type { VersionLoad } from "../core/admin.ts";
import { plainTable } from "./output.ts";

export function loadTable(versions: readonly VersionLoad[]): string {
  return plainTable(
    ["MODEL", "VERSION", "STATE", "REQUESTS/S", "ERRORS/S", "P50 MS", "P99 MS", "WAITING", "INSTANCES", "REQUESTS"],
    versions.map((load) => [
      load.name,
      load.version,
      load.state,
      rate(load.requestsPerSecond),
      rate(load.errorsPerSecond),
      milliseconds(load.p50Ms),
      milliseconds(load.p99Ms),
      String(load.waiting),
      `${load.readyInstances}/${load.instances}`,
      String(load.requests),
    ]),
  );
}

function rate(perSecond: number): string {
  return perSecond >= 10 || perSecond === 0 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

/** Absent while nothing was answered. */
function milliseconds(value: number | null | undefined): string {
  return value === null || value === undefined
    ? "-"
    : value.toPrecision(value >= 1000 ? 4 : 3).replace(/\.?0+$/, (zeros) => (zeros.startsWith(".") ? "" : zeros));
}
