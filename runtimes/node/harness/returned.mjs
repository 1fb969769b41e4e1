// Which part of what the function returned is which output. PROTOCOL.md, section 7.
import { show } from "./elements.mjs";
import { Fault } from "./errors.mjs";
import { isTensor } from "./outputs.mjs";

/** @typedef {import("./signature.mjs").TensorSpec} TensorSpec */

/** Whether the function answers later. @param {unknown} result @returns {result is PromiseLike<unknown>} */
export function isThenable(result) {
  return typeof result === "object" && result !== null && "then" in result && typeof result.then === "function";
}

/**
 * @param {unknown} result
 * @param {TensorSpec[]} specs
 * @returns {unknown[]} a value for each output of the signature
 * @throws {Fault} INVALID_OUTPUT
 */
export function splitOutputs(result, specs) {
  if (result instanceof Map) return pick(Object.fromEntries(result), specs);
  if (isRecord(result) && !(isTensor(result) && specs.length === 1 && !(specs[0].name in result))) return pick(result, specs);
  if (specs.length === 1) return [result];
  throw new Fault("INVALID_OUTPUT", `the function returned ${show(result)}; return an object with ${names(specs)}`);
}

/**
 * The columns of a table: rows as objects, rows as single values, or an object of columns.
 * @param {unknown} result
 * @param {TensorSpec[]} specs
 * @returns {unknown[]} a value for each output of the signature
 * @throws {Fault} INVALID_OUTPUT
 */
export function splitTable(result, specs) {
  if (!Array.isArray(result) || !result.some(isRecord)) return Array.isArray(result) && result.length === 0 ? specs.map(() => []) : splitOutputs(result, specs);
  return specs.map(({ name }) => {
    if (!result.some((row) => isRecord(row) && name in row)) throw missingOutput(name, result[0]);
    return result.map((row, i) => {
      if (!isRecord(row)) throw new Fault("INVALID_OUTPUT", `row ${i} is ${show(row)}, the other rows are objects`);
      return row[name];
    });
  });
}

/** @param {Record<string, unknown>} result @param {TensorSpec[]} specs */
function pick(result, specs) {
  const values = new Array(specs.length);
  for (let i = 0; i < specs.length; i++) {
    const { name } = specs[i];
    const value = result[name];
    if (value === undefined && !(name in result)) throw missingOutput(name, result);
    values[i] = value;
  }
  return values;
}

/** @param {string} name @param {object} result */
function missingOutput(name, result) {
  const found = Object.keys(result);
  return new Fault("INVALID_OUTPUT", `the output ${name} is missing; the function returned ${found.length === 0 ? "nothing by name" : found.join(", ")}`);
}

/** An object that gives values by name, as against one that is a value. @param {unknown} value @returns {value is Record<string, unknown>} */
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value) && !(value instanceof Date);
}

/** @param {TensorSpec[]} specs */
function names(specs) {
  return specs.map(({ name }) => name).join(", ");
}
