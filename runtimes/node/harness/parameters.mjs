// Whether the model's function can be called with a signature, as far as its source tells.
import { Fault } from "./errors.mjs";

const HEAD = /^(?:async\s+)?(?:function\s*\*?\s*)?(?:[\w$]+\s*)?\(\s*/;
const DESTRUCTURED = /^\{([^{}()[\]/]*)\}/;
const PLAIN = /^([\w$]+(?:\s*,\s*[\w$]+)*)\s*\)/;
const ARROW_WITHOUT_PARENTHESES = /^(?:async\s+)?([\w$]+)\s*=>/;

/**
 * Raises only what is certain: a function that is too clever to be read here is called and fails, or does not, on its own.
 * @param {import("./model.mjs").Model} model
 * @param {import("./signature.mjs").TensorSpec[]} inputs
 * @param {import("./binding.mjs").Convention} convention
 * @throws {Fault} SIGNATURE
 */
export function checkParameters(model, inputs, convention) {
  if (convention === "frame") return;
  const source = Function.prototype.toString.call(model.function);
  const names = inputs.map(({ name }) => name);
  const unknown = (requiredNames(source) ?? []).filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    const line = `inputs: [${unknown.map((name) => `{name: ${name}, datatype: FP64, shape: [-1]}`).join(", ")}]`;
    throw new Fault("SIGNATURE", `${model.entry} takes ${unknown.join(", ")}, but the inputs are ${names.join(", ")}; in model.yaml write for example ${line}`);
  }
  const plain = plainNames(source);
  if (plain.length > 0 && plain.every((name) => names.includes(name))) {
    const head = `({ ${plain.join(", ")} }) =>`;
    throw new Fault(
      "SIGNATURE",
      `${model.entry} takes (${plain.join(", ")}), but is called with one object that has the inputs by name; write it as ${head} ...`,
    );
  }
}

/** @param {string} source @returns {string[] | null} what the first parameter destructures without a default; null when that is not clear */
function requiredNames(source) {
  const found = DESTRUCTURED.exec(source.replace(HEAD, ""));
  if (found === null || !HEAD.test(source)) return null;
  const parts = found[1].split(",").map((part) => part.trim());
  return parts.filter((part) => /^[\w$]+(\s*:\s*[\w$]+)?$/.test(part)).map((part) => part.split(":")[0].trim());
}

/** @param {string} source @returns {string[]} the parameters, if all are plain names */
function plainNames(source) {
  const single = ARROW_WITHOUT_PARENTHESES.exec(source);
  if (single !== null) return [single[1]];
  const found = HEAD.test(source) ? PLAIN.exec(source.replace(HEAD, "")) : null;
  return found === null ? [] : found[1].split(/\s*,\s*/);
}
