// Compiles a signature and a function into what answers a frame: the convention, readers of inputs, writers of outputs. PROTOCOL.md, section 7.
import { codeOf } from "./datatypes.mjs";
import { Fault } from "./errors.mjs";
import { ProtocolViolation } from "./frames.mjs";
import { columnReader, columnRows, tensorReader } from "./inputs.mjs";
import { OutputWriter } from "./outputs.mjs";
import { checkParameters } from "./parameters.mjs";
import { isThenable, splitOutputs, splitTable } from "./returned.mjs";
import { RowRun } from "./rows.mjs";

/**
 * @typedef {import("./context.mjs").CallContext} CallContext
 * @typedef {import("./infer.mjs").Infer} Infer
 * @typedef {import("./infer.mjs").WireTensor} WireTensor
 * @typedef {import("./result.mjs").Answer} Answer
 * @typedef {import("./signature.mjs").Signature} Signature
 * @typedef {import("./signature.mjs").TensorSpec} TensorSpec
 * @typedef {(input: unknown, context: CallContext) => unknown} ModelFunction
 * @typedef {"tensor" | "named" | "frame" | "row"} Convention
 * @typedef {(infer: Infer, context: CallContext) => Answer | Promise<Answer>} Run throws what the model threw, a Fault or a ProtocolViolation
 */

/**
 * @param {import("./model.mjs").Model} model
 * @param {Signature} signature
 * @returns {{convention: Convention, run: Run}}
 * @throws {Fault} SIGNATURE
 */
export function bind(model, signature) {
  const { function: call, folder } = model;
  const { inputs, outputs } = signature;
  const convention = conventionOf(model, inputs);
  checkParameters(model, inputs, convention);
  const contentType = (/** @type {TensorSpec} */ spec) => spec.content_type ?? model.contentType;
  const writers = outputs.map((spec) => new OutputWriter(spec, contentType(spec)));
  if (convention === "tensor" || convention === "named") {
    const readers = inputs.map((spec) => tensorReader(spec, contentType(spec)));
    return { convention, run: runTensors(call, inputs, readers, writers) };
  }
  checkColumns(inputs, convention);
  const readers = inputs.map((spec) => columnReader(spec, contentType(spec)));
  const openTable = (/** @type {Infer} */ infer) => readTable(infer, inputs, readers);
  if (convention === "frame") return { convention, run: runFrame(call, openTable, writers) };
  return { convention, run: (infer, context) => new RowRun(call, folder, infer, context, openTable(infer), writers).start() };
}

/** A function of one input gets it by name like any other: authors destructure. @param {import("./model.mjs").Model} model @param {TensorSpec[]} inputs */
function conventionOf(model, inputs) {
  if (model.perRow) return "row";
  if (model.contentType === "pd") return "frame";
  return inputs.length === 1 ? "tensor" : "named";
}

/** @param {TensorSpec[]} inputs @param {Convention} convention */
function checkColumns(inputs, convention) {
  for (const { name, shape } of inputs) {
    if (shape.length === 1 || (shape.length === 2 && Math.abs(shape[1]) === 1)) continue;
    const why = convention === "row" ? "per: row" : "content_type: pd";
    throw new Fault(
      "SIGNATURE",
      `with ${why} every input is a column, but ${name} has the shape [${shape}]; in model.yaml write shape: [-1], or leave out ${why}`,
    );
  }
}

/**
 * @param {ModelFunction} call @param {TensorSpec[]} inputs
 * @param {import("./inputs.mjs").TensorReader[]} readers @param {OutputWriter[]} writers
 * @returns {Run}
 */
function runTensors(call, inputs, readers, writers) {
  const specs = writers.map(({ spec }) => spec);
  const answer = (/** @type {Infer} */ infer, /** @type {unknown} */ result) => writeAll(writers, splitOutputs(result, specs), infer);
  return (infer, context) => {
    const tensors = byPosition(infer.tensors, inputs);
    /** @type {Record<string, unknown>} */
    const named = {};
    for (let i = 0; i < tensors.length; i++) named[inputs[i].name] = readers[i](tensors[i]);
    const result = call(named, context);
    return isThenable(result) ? Promise.resolve(result).then((value) => answer(infer, value)) : answer(infer, result);
  };
}

/**
 * @param {ModelFunction} call @param {(infer: Infer) => Table} openTable @param {OutputWriter[]} writers
 * @returns {Run}
 */
function runFrame(call, openTable, writers) {
  const specs = writers.map(({ spec }) => spec);
  const answer = (/** @type {Infer} */ infer, /** @type {unknown} */ result) => writeAll(writers, splitTable(result, specs), infer);
  return (infer, context) => {
    const table = openTable(infer);
    const rows = [];
    for (let row = 0; row < table.rows; row++) rows.push(table.read(row, row));
    const result = call(rows, context);
    return isThenable(result) ? Promise.resolve(result).then((value) => answer(infer, value)) : answer(infer, result);
  };
}

/** @param {OutputWriter[]} writers @param {unknown[]} values @param {Infer} infer @returns {Answer} */
function writeAll(writers, values, infer) {
  const outputs = new Array(writers.length);
  for (let i = 0; i < writers.length; i++) outputs[i] = writers[i].write(values[i], infer.rows);
  return { outputs, segments: infer.segments, errors: null };
}

/**
 * The inputs as a table.
 * @typedef {{rows: number, read: (row: number, label: number) => Record<string, unknown>}} Table `label` is what messages call the row
 */

/** @param {Infer} infer @param {TensorSpec[]} inputs @param {import("./inputs.mjs").ColumnReader[]} readers @returns {Table} */
function readTable(infer, inputs, readers) {
  const tensors = byPosition(infer.tensors, inputs);
  const columns = tensors.map((tensor, i) => readers[i](tensor));
  const lengths = tensors.map((tensor, i) => columnRows(inputs[i], tensor));
  const rows = lengths[0] ?? 0;
  const other = lengths.findIndex((length) => length !== rows);
  if (other > 0) throw new Fault("INVALID_INPUT", `input ${inputs[other].name} has ${lengths[other]} rows, ${inputs[0].name} has ${rows}`);
  return {
    rows,
    read(row, label) {
      /** @type {Record<string, unknown>} */
      const record = {};
      for (let i = 0; i < columns.length; i++) record[inputs[i].name] = columns[i](row, label);
      return record;
    },
  };
}

/**
 * @param {WireTensor[]} tensors in any order
 * @param {TensorSpec[]} inputs
 * @returns {WireTensor[]} in the order of the signature
 */
function byPosition(tensors, inputs) {
  const ordered = new Array(inputs.length);
  for (const tensor of tensors) {
    const spec = inputs[tensor.index];
    if (spec === undefined) throw new ProtocolViolation(`the signature has no input ${tensor.index}`);
    if (ordered[tensor.index] !== undefined) throw new ProtocolViolation(`the input ${spec.name} comes twice`);
    if (codeOf(spec.datatype) !== tensor.datatype) throw new ProtocolViolation(`the input ${spec.name} is no ${spec.datatype}`);
    ordered[tensor.index] = tensor;
  }
  if (tensors.length !== inputs.length) throw new ProtocolViolation(`${tensors.length} tensors for ${inputs.length} inputs`);
  return ordered;
}
