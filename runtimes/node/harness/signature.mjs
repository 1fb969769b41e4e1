// A version's signature as BIND gives it, checked, and as the model's own hints give it. Tensor: PROTOCOL.md, section 4.
import { codeOf, DATATYPE_NAMES } from "./datatypes.mjs";
import { Fault } from "./errors.mjs";
import { ProtocolViolation } from "./frames.mjs";

/**
 * @typedef {object} TensorSpec
 * @property {string} name
 * @property {string} datatype
 * @property {number[]} shape with the batch dimension; -1 is free
 * @property {string | null} content_type
 * @property {number | string | boolean | null} na
 * @property {string[] | null} levels
 *
 * @typedef {{inputs: TensorSpec[], outputs: TensorSpec[]}} Signature
 */

/**
 * @param {Record<string, unknown>} bind
 * @returns {Signature}
 * @throws {ProtocolViolation}
 */
export function readSignature(bind) {
  return { inputs: readSpecs(bind.inputs, "inputs"), outputs: readSpecs(bind.outputs, "outputs") };
}

/** @param {unknown} list @param {string} what @returns {TensorSpec[]} */
function readSpecs(list, what) {
  if (!Array.isArray(list)) throw new ProtocolViolation(`BIND: ${what} is no list`);
  return list.map((spec) => {
    if (typeof spec?.name !== "string" || codeOf(spec.datatype) === undefined || !isShape(spec.shape))
      throw new ProtocolViolation(`BIND: ${what} has ${JSON.stringify(spec)}, which is no tensor`);
    return { ...spec, content_type: spec.content_type ?? null, na: spec.na ?? null, levels: spec.levels ?? null };
  });
}

/**
 * The hints in an exported `inputs` or `outputs`: a list as model.yaml has it, in which the shape is [-1] unless it is written.
 * @param {unknown} list
 * @param {string} what "inputs" or "outputs"
 * @returns {TensorSpec[] | null} null when nothing is exported
 * @throws {Fault} SIGNATURE
 */
export function readHints(list, what) {
  if (list === undefined) return null;
  const example = `write it as: export const ${what} = [{ name: "age", datatype: "FP64" }]`;
  if (!Array.isArray(list)) throw new Fault("SIGNATURE", `the exported ${what} is no list; ${example}`);
  return list.map((hint) => {
    const name = hint?.name;
    if (typeof name !== "string") throw new Fault("SIGNATURE", `a tensor in the exported ${what} has no name; ${example}`);
    if (codeOf(hint.datatype) === undefined)
      throw new Fault("SIGNATURE", `the exported ${what} gives ${name} the data type ${hint.datatype}; there are ${DATATYPE_NAMES.join(", ")}`);
    const shape = hint.shape ?? [-1];
    if (!isShape(shape)) throw new Fault("SIGNATURE", `the exported ${what} gives ${name} a shape that is no list of whole numbers from -1`);
    const na = typeof hint.na === "bigint" ? String(hint.na) : (hint.na ?? null);
    return { name, datatype: hint.datatype, shape, content_type: hint.content_type ?? null, na, levels: hint.levels ?? null };
  });
}

/** @param {unknown} shape @returns {shape is number[]} */
function isShape(shape) {
  return Array.isArray(shape) && shape.every((dimension) => Number.isInteger(dimension) && dimension >= -1);
}
