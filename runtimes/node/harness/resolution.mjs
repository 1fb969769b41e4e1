// How the model's imports are found: in the model's folder, then in the libraries; never above the folder and never beside the harness.
import { existsSync, realpathSync } from "node:fs";
import { createRequire, isBuiltin, registerHooks } from "node:module";
import { dirname, extname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Where ordinary resolution looks for the packages of the files beside it. */
const PACKAGES = "node_modules";

/** A package that no import can reach. Its name is what the author has to add. */
export class PackageMissing extends Error {
  /**
   * @param {string} packageName
   * @param {string} importer
   * @param {boolean} required as against imported; packages look at the code to see whether an optional one is there
   */
  constructor(packageName, importer, required) {
    super(`Cannot find package '${packageName}' imported from ${importer}`);
    this.code = required ? "MODULE_NOT_FOUND" : "ERR_MODULE_NOT_FOUND";
  }
}

/**
 * @param {string} folder the model's, as a real path
 * @param {string[]} libraries `node_modules` folders
 * @returns {{lastLoaded: () => string | null}} the model's file that was read last: what a SyntaxError, which has no place in its stack, is about
 */
export function resolveFrom(folder, libraries) {
  /** @type {string | null} */
  let last = null;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const importer = filePath(context.parentURL);
      const script = ownScript(folder, specifier, context);
      if (script !== null) return { url: script, format: "module", shortCircuit: true };
      if (importer === null || !isInside(folder, importer) || !isBare(specifier)) return nextResolve(specifier, context);
      const packageName = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      if (holdsPackage(folder, importer, packageName)) return nextResolve(specifier, context);
      const library = libraries.find((path) => existsSync(join(path, packageName)));
      const required = context.conditions.includes("require");
      if (library === undefined) throw new PackageMissing(packageName, importer, required);
      // Above a folder of packages nothing is looked for, and in a sandbox that could not be read.
      const parentURL = pathToFileURL(join(library, "model")).href;
      // Of a require Node asks the module that called it, whatever parent it is told; so it gets a path, which needs none.
      return required ? nextResolve(createRequire(parentURL).resolve(specifier), context) : nextResolve(specifier, { ...context, parentURL });
    },
    load(url, context, nextLoad) {
      const path = filePath(url);
      if (path === null || !isInside(folder, path)) return nextLoad(url, context);
      last = path;
      return isOwnScript(folder, path) ? nextLoad(url, { ...context, format: "module" }) : nextLoad(url, context);
    },
  });
  return { lastLoaded: () => last };
}

/** @param {string | undefined} url */
function filePath(url) {
  return url?.startsWith("file:") ? fileURLToPath(url) : null;
}

/**
 * Without a package.json of its own the folder would depend on what lies above it, and that differs in a sandbox: a script is a module then.
 * @param {string} folder @param {string} path
 */
function isOwnScript(folder, path) {
  return extname(path) === ".js" && !path.includes(`${sep}${PACKAGES}${sep}`) && !hasOwnPackage(folder, path);
}

/**
 * The URL of such a script that is imported by its place: Node itself would look above the folder for what it is.
 * @param {string} folder @param {string} specifier @param {{conditions: readonly string[], parentURL?: string | undefined}} context
 * @returns {string | null}
 */
function ownScript(folder, specifier, { conditions, parentURL }) {
  const isPlace = /^(?:\.{0,2}\/|file:)/.test(specifier) && !/[?#]/.test(specifier);
  if (!isPlace || conditions.includes("require")) return null;
  const path = filePath(URL.parse(specifier, parentURL)?.href);
  if (path === null || !existsSync(path)) return null;
  const real = realpathSync(path);
  return isInside(folder, real) && isOwnScript(folder, real) ? pathToFileURL(real).href : null;
}

/** @param {string} folder @param {string} path */
function isInside(folder, path) {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** @param {string} specifier whether it names a package */
function isBare(specifier) {
  return /^(?:[^./#]|@.)/.test(specifier) && !/^[a-z][a-z0-9+.-]+:/i.test(specifier) && !isBuiltin(specifier);
}

/** @param {string} folder @param {string} importer @param {string} packageName */
function holdsPackage(folder, importer, packageName) {
  return foldersUpTo(folder, importer).some((path) => existsSync(join(path, PACKAGES, packageName)) || isNamed(path, packageName));
}

/** A package may import itself by its own name. @param {string} path @param {string} packageName */
function isNamed(path, packageName) {
  return path.endsWith(`${sep}${PACKAGES}${sep}${packageName.replace("/", sep)}`);
}

/** @param {string} folder @param {string} path */
function hasOwnPackage(folder, path) {
  return foldersUpTo(folder, path).some((parent) => existsSync(join(parent, "package.json")));
}

/** The folders of a file, innermost first, no further than the model's. @param {string} folder @param {string} path */
function foldersUpTo(folder, path) {
  const folders = [];
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    folders.push(parent);
    if (parent === folder || !isInside(folder, parent)) return folders;
  }
}
