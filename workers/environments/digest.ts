// What a model's process runs with beside the model's own files, as one digest: the same answers can be expected where it is the same.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "../../src/package-root.ts";

/** Where R looks beside the environment's own library, on Debian and its kin. */
const R_LIBRARIES = ["/usr/local/lib/R/site-library", "/usr/lib/R/site-library", "/usr/lib/R/library"];

/** The packages that models of a language find, each with its version. */
const PACKAGES: Readonly<Record<string, (environment: string) => string[]>> = {
  python: (environment) =>
    entries(join(environment, "lib"))
      .flatMap((python) => entries(join(environment, "lib", python, "site-packages")))
      .filter((name) => name.endsWith(".dist-info")),
  r: (environment) =>
    [environment, ...R_LIBRARIES].flatMap((library) => entries(library).map((name) => `${name} ${rVersion(join(library, name, "DESCRIPTION"))}`)),
  node: (environment) => [read(join(environment, "node_modules", ".package-lock.json")), read(join(environment, ".idiom-key"))],
  java: (environment) => entries(environment).filter((name) => name.endsWith(".jar")),
};

/** sha256, in hex, over language and version, platform, Idiom's version and the packages that are installed for models of that language. */
export function environmentDigest(language: string, languageVersion: string, data: string): string {
  const packages = PACKAGES[language]?.(join(data, "environments", language)) ?? [];
  const about = [language, languageVersion, process.platform, process.arch, VERSION, ...packages.sort()];
  return createHash("sha256").update(JSON.stringify(about)).digest("hex");
}

function rVersion(description: string): string {
  return /^Version: *(\S+)/m.exec(read(description))?.[1] ?? "";
}

function entries(folder: string): string[] {
  return orElse(() => readdirSync(folder), []);
}

function read(file: string): string {
  return orElse(() => readFileSync(file, "utf8"), "");
}

/** What is not there, or not for us, has no part in it; the model is not to blame for that. */
function orElse<Value>(get: () => Value, otherwise: Value): Value {
  try {
    return get();
  } catch {
    return otherwise;
  }
}
