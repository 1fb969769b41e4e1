import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PACKAGE_ROOT } from "../../src/package-root.ts";

/** A module in a package, not the package itself: `name/path`, `@scope/name/path`. */
const INSIDES = /(?:from|import\() ?"((?:@[^/"]+\/)?[^./"@:][^/":]*)(\/[^"]+)"/g;

function packageFile(...folder: string[]) {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, ...folder, "package.json"), "utf8"));
}

/** Packages of which modules are imported that they do not offer by name: any release may move these. */
function packagesUsedFromWithin(): Set<string> {
  const files = ["src", "workers"].flatMap((folder) =>
    readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: "utf8" }).map((file) => join(PACKAGE_ROOT, folder, file)),
  );
  const imports = files.filter((file) => file.endsWith(".ts")).flatMap((file) => [...readFileSync(file, "utf8").matchAll(INSIDES)]);
  const within = imports.filter(([, name = "", path]) => packageFile("node_modules", name).exports?.[`.${path}`] === undefined);
  return new Set(within.map(([, name = ""]) => name));
}

test("a package that is used from within is of one version, in package.json and in the lock file", () => {
  const { dependencies } = packageFile();
  const lock = JSON.parse(readFileSync(join(PACKAGE_ROOT, "package-lock.json"), "utf8"));
  const names = [...packagesUsedFromWithin()].sort();
  assert.deepEqual(names, ["apache-arrow", "hyparquet"]);
  for (const name of names) {
    assert.match(dependencies[name], /^\d+\.\d+\.\d+$/, name);
    assert.equal(lock.packages[""].dependencies[name], dependencies[name]);
    assert.equal(lock.packages[`node_modules/${name}`].version, dependencies[name]);
  }
});
