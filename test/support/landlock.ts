// Whether the level `landlock` can be had on this machine, found out without the code under test.
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { PACKAGE_ROOT } from "../../src/package-root.ts";

const NEEDED_VERSION = 6;
const ASK_FOR_VERSION = "print syscall(444, 0, 0, 1)";

/** Why not; false when it can, as the option `skip` of a test takes it. */
export function whyNoLandlock(): string | false {
  const version = Number(spawnSync("perl", ["-e", ASK_FOR_VERSION], { encoding: "utf8" }).stdout || 0);
  if (version < NEEDED_VERSION) return `landlock is there in version ${version}, ${NEEDED_VERSION} is needed`;
  const closed = process.getuid?.() === 0 ? ancestors(PACKAGE_ROOT).find((folder) => (statSync(folder).mode & 1) === 0) : undefined;
  return closed === undefined ? false : `${closed} is closed to other users`;
}

function ancestors(path: string): string[] {
  return path === "/" ? [path] : [path, ...ancestors(dirname(path))];
}
