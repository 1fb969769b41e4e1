// The bodies of INFER and RESULT: a header of 32-bit words, then the tensors' bytes (PROTOCOL.md, section 5).
import { contentTypeCode, DATATYPES, datatypeOfCode } from "../../src/core/datatype.ts";
import { MAX_RANK } from "../../src/core/limits.ts";
import { formatShape, type Signature, shapeFits, type TensorSpec } from "../../src/core/signature.ts";
import { byteLength, elementCount, skipBytesElements, type Tensor } from "../../src/core/tensor.ts";
import { writeHeader } from "./frame-codec.ts";
import { HEADER_BYTES, ProtocolViolation, parseRowErrors, type RowError } from "./protocol.ts";

const FIXED_WORDS = 4;
const DESCRIPTOR_WORDS = 5;

/** The rows of one request inside a frame, and its tensors by input of the signature. */
export interface Segment {
  /** 0: not counted (a version that is never merged). */
  readonly rows: number;
  readonly inputs: readonly Tensor[];
}

/** The answer to a frame, checked against the signature. `outputs` are by output of the signature. */
export interface ResultBody {
  /** As in the INFER, 0 for a segment that failed. */
  readonly rows: readonly number[];
  readonly outputs: readonly Tensor[];
  readonly errors: readonly RowError[];
}

/** The model's answer is well-formed but does not fit its signature. */
export class OutputMismatch extends Error {
  override name = "OutputMismatch";
}

/**
 * A whole INFER frame for `segments`, whose tensors agree in data type, content type and trailing dimensions. Each byte of a
 * tensor is copied once, from the request's own buffer into the frame.
 */
export function encodeInfer(id: number, segments: readonly Segment[]): Buffer {
  const first = segments[0] as Segment;
  const tensors = first.inputs.length;
  let words = FIXED_WORDS + segments.length;
  for (let t = 0; t < tensors; t++) words += DESCRIPTOR_WORDS + (first.inputs[t] as Tensor).shape.length;
  const headerLength = align(words * 4);
  let bodyLength = headerLength;
  const lengths: number[] = [];
  for (let t = 0; t < tensors; t++) {
    let length = 0;
    for (let s = 0; s < segments.length; s++) length += ((segments[s] as Segment).inputs[t] as Tensor).data.length;
    lengths.push(length);
    bodyLength = align(bodyLength) + length;
  }
  const frame = Buffer.allocUnsafe(HEADER_BYTES + bodyLength);
  writeHeader(frame, "INFER", id, bodyLength);
  writeWords(frame, segments, headerLength, lengths);
  let at = HEADER_BYTES + headerLength;
  for (let t = 0; t < tensors; t++) {
    const aligned = align(at);
    frame.fill(0, at, aligned);
    at = aligned;
    for (let s = 0; s < segments.length; s++) {
      const { data } = (segments[s] as Segment).inputs[t] as Tensor;
      frame.set(data, at);
      at += data.length;
    }
  }
  return frame;
}

function writeWords(frame: Buffer, segments: readonly Segment[], headerLength: number, lengths: readonly number[]): void {
  const first = segments[0] as Segment;
  let at = HEADER_BYTES;
  at = frame.writeUInt32LE(headerLength, at);
  at = frame.writeUInt32LE(segments.length, at);
  at = frame.writeUInt32LE(lengths.length, at);
  at = frame.writeUInt32LE(0, at);
  let rows = 0;
  for (let s = 0; s < segments.length; s++) {
    rows += (segments[s] as Segment).rows;
    at = frame.writeUInt32LE((segments[s] as Segment).rows, at);
  }
  for (let t = 0; t < lengths.length; t++) {
    const { datatype, contentType, shape } = first.inputs[t] as Tensor;
    at = frame.writeUInt32LE(t, at);
    at = frame.writeUInt32LE(DATATYPES[datatype].code, at);
    at = frame.writeUInt32LE(contentTypeCode(contentType), at);
    at = frame.writeUInt32LE(lengths[t] as number, at);
    at = frame.writeUInt32LE(shape.length, at);
    for (let d = 0; d < shape.length; d++) {
      at = frame.writeUInt32LE(d === 0 && segments.length > 1 ? rows : (shape[d] as number), at);
    }
  }
  frame.fill(0, at, HEADER_BYTES + headerLength);
}

/** Offsets are counted from the body's start; the frame header is 16 bytes, so both align alike. */
function align(offset: number): number {
  return (offset + 7) & ~7;
}

/** A tensor as a body describes it: not yet held against any signature. */
export interface DecodedTensor extends Tensor {
  readonly index: number;
}

export interface TensorBody {
  readonly rows: readonly number[];
  readonly tensors: readonly DecodedTensor[];
  readonly json: Uint8Array | null;
}

/**
 * Decodes the body of an INFER or RESULT; the tensors' data are views on it. `most`: what it may have.
 * @throws ProtocolViolation when the body does not add up.
 */
export function decodeTensorBody(body: Buffer, most: { readonly segments: number; readonly tensors: number } = ANY): TensorBody {
  if (body.length < FIXED_WORDS * 4) throw new ProtocolViolation(`a tensor body of ${body.length} bytes has no room for its first words`);
  const headerLength = body.readUInt32LE(0);
  const jsonLength = body.readUInt32LE(12);
  if (headerLength % 8 !== 0 || headerLength > body.length || headerLength < FIXED_WORDS * 4)
    throw new ProtocolViolation(`header length ${headerLength} is no multiple of 8 within the body of ${body.length}`);
  const reader = new WordReader(body, headerLength);
  const segmentCount = reader.take(1, 4);
  const tensorCount = reader.take(1, 8);
  if (segmentCount === 0) throw new ProtocolViolation("no segments");
  if (segmentCount > most.segments) throw new ProtocolViolation(`${most.segments} segments asked, ${segmentCount} answered`);
  if (tensorCount > most.tensors) throw new ProtocolViolation(`${tensorCount} outputs, the signature has ${most.tensors}`);
  reader.at = FIXED_WORDS * 4;
  reader.expect(segmentCount);
  const rows: number[] = [];
  let rowSum = 0;
  for (let s = 0; s < segmentCount; s++) {
    const count = reader.next();
    rows.push(count);
    rowSum += count;
  }
  const tensors: DecodedTensor[] = [];
  let dataAt = headerLength;
  for (let t = 0; t < tensorCount; t++) {
    const tensor = readTensor(reader, body, align(dataAt));
    if ((segmentCount > 1 || rowSum > 0) && tensor.shape[0] !== rowSum)
      throw new ProtocolViolation(`dimension 0 is ${tensor.shape[0]}, the segments have ${rowSum} rows`);
    tensors.push(tensor);
    dataAt = align(dataAt) + tensor.data.length;
  }
  if (jsonLength > 0) dataAt = align(dataAt) + jsonLength;
  if (dataAt !== body.length) throw new ProtocolViolation(`the body has ${body.length} bytes, its parts ${dataAt}`);
  return { rows, tensors, json: jsonLength > 0 ? body.subarray(dataAt - jsonLength) : null };
}

const ANY = { segments: Number.POSITIVE_INFINITY, tensors: Number.POSITIVE_INFINITY };

class WordReader {
  at = 0;
  readonly #body: Buffer;
  readonly #end: number;

  constructor(body: Buffer, end: number) {
    this.#body = body;
    this.#end = end;
  }

  /** Fails early when `count` more words cannot be there, before anything is allocated for them. */
  expect(count: number): void {
    if (this.at + count * 4 > this.#end) throw new ProtocolViolation("the header's words do not fit in its length");
  }

  take(count: number, at: number): number {
    this.at = at;
    this.expect(count);
    return this.next();
  }

  next(): number {
    this.expect(1);
    const value = this.#body.readInt32LE(this.at);
    if (value < 0) throw new ProtocolViolation("a word is beyond 2^31 - 1");
    this.at += 4;
    return value;
  }
}

function readTensor(reader: WordReader, body: Buffer, dataAt: number): DecodedTensor {
  reader.expect(DESCRIPTOR_WORDS);
  const index = reader.next();
  const datatype = datatypeOfCode(reader.next());
  if (datatype === undefined) throw new ProtocolViolation("no such data type");
  if (reader.next() > 5) throw new ProtocolViolation("no such content type");
  const length = reader.next();
  const rank = reader.next();
  if (rank > MAX_RANK) throw new ProtocolViolation(`a tensor of ${rank} dimensions`);
  reader.expect(rank);
  const shape: number[] = [];
  for (let d = 0; d < rank; d++) shape.push(reader.next());
  if (dataAt + length > body.length) throw new ProtocolViolation("a tensor's data ends beyond the body");
  const data = body.subarray(dataAt, dataAt + length);
  const expected = byteLength(datatype, shape);
  if (expected !== null && expected !== length) throw new ProtocolViolation(`${datatype} ${formatShape(shape)} has ${expected} bytes, not ${length}`);
  if (expected === null && skipBytesElements(data, 0, elementCount(shape)) !== length)
    throw new ProtocolViolation(`BYTES ${formatShape(shape)}: the elements do not fill the tensor`);
  return { index, datatype, contentType: null, shape, data };
}

/**
 * Decodes a RESULT and holds it against the signature and the rows that were asked for.
 * @throws ProtocolViolation when the harness broke the protocol, OutputMismatch when an output does not fit the signature.
 */
export function decodeResult(body: Buffer, signature: Signature, asked: readonly Segment[]): ResultBody {
  const { rows, tensors, json } = decodeTensorBody(body, { segments: asked.length, tensors: signature.outputs.length });
  const errors = json === null ? NO_ERRORS : parseRowErrors(json, asked.length);
  checkRows(rows, asked, errors);
  const outputs: (Tensor | undefined)[] = new Array(signature.outputs.length);
  for (const tensor of tensors) {
    const spec = signature.outputs[tensor.index];
    if (spec === undefined || outputs[tensor.index] !== undefined) throw new ProtocolViolation(`output ${tensor.index} is unknown or there twice`);
    checkOutput(spec, tensor);
    outputs[tensor.index] = tensor;
  }
  signature.outputs.forEach((spec, i) => {
    if (outputs[i] === undefined) throw new OutputMismatch(`output '${spec.name}' is missing`);
  });
  return { rows, outputs: outputs as Tensor[], errors };
}

const NO_ERRORS: readonly RowError[] = [];

function checkRows(rows: readonly number[], asked: readonly Segment[], errors: readonly RowError[]): void {
  if (rows.length !== asked.length) throw new ProtocolViolation(`${asked.length} segments asked, ${rows.length} answered`);
  const failed = errors.length === 0 ? null : new Set(errors.map(({ segment }) => segment));
  for (let s = 0; s < asked.length; s++) {
    const expected = failed?.has(s) ? 0 : (asked[s] as Segment).rows;
    if (rows[s] !== expected) throw new ProtocolViolation(`segment ${s} has ${rows[s]} rows, expected ${expected}`);
  }
}

function checkOutput(spec: TensorSpec, tensor: Tensor): void {
  if (tensor.datatype === spec.datatype && shapeFits(spec.shape, tensor.shape)) return;
  throw new OutputMismatch(
    `output '${spec.name}' is ${tensor.datatype} ${formatShape(tensor.shape)}, the signature says ${spec.datatype} ${formatShape(spec.shape)}`,
  );
}

/**
 * Cuts the outputs of a merged frame into one list of tensors per segment; the data are views on the frame. A segment without
 * rows (it failed) gets an empty cut.
 */
export function splitOutputs(result: ResultBody): Tensor[][] {
  const { rows, outputs } = result;
  if (rows.length === 1) return [outputs as Tensor[]];
  const split: Tensor[][] = rows.map(() => []);
  for (const output of outputs) {
    const perRow = elementCount(output.shape.slice(1));
    const rowBytes = output.datatype === "BYTES" ? null : perRow * DATATYPES[output.datatype].size;
    let at = 0;
    for (let s = 0; s < rows.length; s++) {
      const count = rows[s] as number;
      const end = rowBytes === null ? skipBytesElements(output.data, at, count * perRow) : at + count * rowBytes;
      (split[s] as Tensor[]).push({ datatype: output.datatype, contentType: null, shape: withRows(output.shape, count), data: output.data.subarray(at, end) });
      at = end;
    }
  }
  return split;
}

function withRows(shape: readonly number[], rows: number): number[] {
  const copy = shape.slice();
  copy[0] = rows;
  return copy;
}
