// Finds the model's entry in its folder, loads it and reads what it says of itself.
import { readdirSync, realpathSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { show } from "./elements.mjs";
import { describe, Fault } from "./errors.mjs";
import { PackageMissing, resolveFrom } from "./resolution.mjs";
import { readHints } from "./signature.mjs";

const ENTRY_FILES = ["model.js", "model.mjs"];
const DEFAULT_SYMBOL = "default";

/**
 * @typedef {object} Init what INIT says
 * @property {string} folder
 * @property {string | null} entry "file:symbol"
 * @property {"batch" | "row"} per
 * @property {string | null} content_type
 * @property {string[]} libraries
 *
 * @typedef {object} Model
 * @property {string} entry "model.mjs:default"
 * @property {string} folder as a real path
 * @property {import("./binding.mjs").ModelFunction} function
 * @property {boolean} perRow
 * @property {string | null} contentType of the whole model
 * @property {{inputs: import("./signature.mjs").TensorSpec[] | null, outputs: import("./signature.mjs").TensorSpec[] | null}} hints
 */

/**
 * @param {Init} init
 * @returns {Promise<Model>}
 * @throws {Fault} ENTRY_NOT_FOUND, SIGNATURE
 * @throws {LoadFailure} what the author's code threw
 */
export async function loadModel(init) {
  const folder = realpathSync(init.folder);
  const { file, symbol } = findEntry(folder, init.entry);
  const exported = await importFile(folder, file, init.libraries);
  const entry = `${file}:${symbol}`;
  return {
    entry,
    folder,
    function: findFunction(exported, file, symbol),
    perRow: init.per === "row" || exported.per === "row",
    contentType: init.content_type ?? (typeof exported.content_type === "string" ? exported.content_type : null),
    hints: { inputs: readHints(exported.inputs, "inputs"), outputs: readHints(exported.outputs, "outputs") },
  };
}

/** The author's top-level code did not come to its end. */
export class LoadFailure extends Error {
  /** @param {import("./errors.mjs").Failure} failure */
  constructor(failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** @param {string} folder @param {string | null} entry */
function findEntry(folder, entry) {
  const [wanted, symbol = DEFAULT_SYMBOL] = entry?.split(":") ?? [];
  const candidates = wanted === undefined ? ENTRY_FILES : [wanted];
  const file = candidates.find((name) => isFileInside(folder, name));
  if (file !== undefined) return { file, symbol };
  const found = readdirSync(folder).sort();
  const list = found.length === 0 ? "the folder is empty" : `the folder has ${found.join(", ")}`;
  const hint = wanted === undefined ? "; name it in model.yaml, for example entry: main.mjs:predict" : "";
  throw new Fault("ENTRY_NOT_FOUND", `there is no ${candidates.join(" and no ")}; ${list}${hint}`);
}

/** @param {string} folder @param {string} name */
function isFileInside(folder, name) {
  const path = join(folder, name);
  return !relative(folder, path).startsWith(`..${sep}`) && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** @param {string} folder @param {string} file @param {string[]} libraries @returns {Promise<Record<string, unknown>>} its exports */
async function importFile(folder, file, libraries) {
  const { lastLoaded } = resolveFrom(folder, libraries);
  try {
    return await import(pathToFileURL(join(folder, file)).href);
  } catch (error) {
    const failure = describe(error, "LOAD_FAILED", folder);
    failure.traceback = failure.traceback.map((line) => line.replace(/(?:Object\.)?<anonymous>$/, "<module>"));
    if (error instanceof PackageMissing) failure.kind = "MISSING_PACKAGE";
    const last = lastLoaded();
    // The place of a SyntaxError is in no stack.
    if (error instanceof SyntaxError && last !== null && failure.traceback.length === 0) failure.message = `${relative(folder, last)}: ${failure.message}`;
    throw new LoadFailure(failure);
  }
}

/** @param {Record<string, unknown>} exported @param {string} file @param {string} symbol */
function findFunction(exported, file, symbol) {
  const value = exported[symbol];
  if (typeof value === "function") return /** @type {import("./binding.mjs").ModelFunction} */ (value);
  const names = Object.keys(exported);
  const list = names.length === 0 ? "it exports nothing" : `it exports ${names.join(", ")}`;
  if (symbol in exported) throw new Fault("ENTRY_NOT_FOUND", `${symbol} of ${file} is ${show(value)}, no function; ${list}`);
  const functions = names.filter((name) => typeof exported[name] === "function");
  const line = functions.length > 0 ? `; in model.yaml write entry: ${file}:${functions[0]}` : "; write export default ({ x }) => ...";
  throw new Fault("ENTRY_NOT_FOUND", `${file} has no export ${symbol}; ${list}${line}`);
}
