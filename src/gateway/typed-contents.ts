// Typed tensor contents (int_contents, fp32_contents, ...) to raw bytes and back. 64-bit integers go by their two halves and
// never through a JS number.
import Long from "long";
import type { Datatype } from "../core/datatype.ts";
import { IdiomError } from "../core/errors.ts";
import { bytesElements, joinBytesElements } from "../core/json-tensor.ts";
import type { TensorContents } from "./inference-messages.ts";

type Field = keyof TensorContents;

interface Typed {
  readonly field: Field;
  /** Range of what the field can hold but the data type cannot; null when it holds just the data type. */
  readonly range: readonly [number, number] | null;
  toRaw(contents: TensorContents): Buffer;
  fromRaw(data: Uint8Array): TensorContents[Field];
}

function numbers(
  field: "int_contents" | "uint_contents" | "fp32_contents" | "fp64_contents",
  size: number,
  range: readonly [number, number] | null,
  set: (view: DataView, at: number, value: number) => void,
  get: (view: DataView, at: number) => number,
): Typed {
  return {
    field,
    range,
    toRaw(contents) {
      const values = contents[field];
      const out = Buffer.allocUnsafe(values.length * size);
      const view = viewOf(out);
      for (let i = 0; i < values.length; i++) set(view, i * size, values[i] as number);
      return out;
    },
    fromRaw(data) {
      const view = viewOf(data);
      return Array.from({ length: data.length / size }, (_, i) => get(view, i * size));
    },
  };
}

function longs(field: "int64_contents" | "uint64_contents", unsigned: boolean): Typed {
  return {
    field,
    range: null,
    toRaw(contents) {
      const values = contents[field];
      const out = Buffer.allocUnsafe(values.length * 8);
      values.forEach((value, i) => {
        out.writeInt32LE(value.low, i * 8);
        out.writeInt32LE(value.high, i * 8 + 4);
      });
      return out;
    },
    fromRaw(data) {
      const view = viewOf(data);
      return Array.from({ length: data.length / 8 }, (_, i) => new Long(view.getInt32(i * 8, true), view.getInt32(i * 8 + 4, true), unsigned));
    },
  };
}

const TYPED: Record<Exclude<Datatype, "FP16" | "BF16">, Typed> = {
  BOOL: {
    field: "bool_contents",
    range: null,
    toRaw: (contents) => Buffer.from(contents.bool_contents.map(Number)),
    fromRaw: (data) => Array.from(data, (byte) => byte !== 0),
  },
  INT8: numbers(
    "int_contents",
    1,
    [-128, 127],
    (view, at, value) => view.setInt8(at, value),
    (view, at) => view.getInt8(at),
  ),
  INT16: numbers(
    "int_contents",
    2,
    [-32768, 32767],
    (view, at, value) => view.setInt16(at, value, true),
    (view, at) => view.getInt16(at, true),
  ),
  INT32: numbers(
    "int_contents",
    4,
    null,
    (view, at, value) => view.setInt32(at, value, true),
    (view, at) => view.getInt32(at, true),
  ),
  UINT8: numbers(
    "uint_contents",
    1,
    [0, 255],
    (view, at, value) => view.setUint8(at, value),
    (view, at) => view.getUint8(at),
  ),
  UINT16: numbers(
    "uint_contents",
    2,
    [0, 65535],
    (view, at, value) => view.setUint16(at, value, true),
    (view, at) => view.getUint16(at, true),
  ),
  UINT32: numbers(
    "uint_contents",
    4,
    null,
    (view, at, value) => view.setUint32(at, value, true),
    (view, at) => view.getUint32(at, true),
  ),
  INT64: longs("int64_contents", false),
  UINT64: longs("uint64_contents", true),
  FP32: numbers(
    "fp32_contents",
    4,
    null,
    (view, at, value) => view.setFloat32(at, value, true),
    (view, at) => view.getFloat32(at, true),
  ),
  FP64: numbers(
    "fp64_contents",
    8,
    null,
    (view, at, value) => view.setFloat64(at, value, true),
    (view, at) => view.getFloat64(at, true),
  ),
  BYTES: { field: "bytes_contents", range: null, toRaw: (contents) => joinBytesElements(contents.bytes_contents), fromRaw: bytesElements },
};

const FIELDS: readonly Field[] = [
  "bool_contents",
  "int_contents",
  "int64_contents",
  "uint_contents",
  "uint64_contents",
  "fp32_contents",
  "fp64_contents",
  "bytes_contents",
];

/** Whether any typed value is there; clients send empty contents beside raw ones. */
export function hasContents(contents: TensorContents | null): contents is TensorContents {
  return contents !== null && FIELDS.some((field) => contents[field].length > 0);
}

/** @throws IdiomError INVALID_REQUEST when the values are in another data type's field, or beyond the data type's range. */
export function rawFromContents(input: string, model: string, datatype: Datatype, contents: TensorContents | null): Buffer {
  if (contents === null || !hasContents(contents)) return Buffer.alloc(0);
  const typed = typedOf(datatype, `input '${input}' for model '${model}'`);
  for (const field of FIELDS) {
    if (field === typed.field || contents[field].length === 0) continue;
    throw new IdiomError("INVALID_REQUEST", `input '${input}' for model '${model}' has ${field}, but its data-type ${datatype} belongs into ${typed.field}`);
  }
  if (typed.range !== null) checkRange(contents[typed.field] as number[], typed.range, input, model, datatype);
  return typed.toRaw(contents);
}

/** The contents message of an output. @throws IdiomError INVALID_REQUEST for FP16 and BF16, which have no typed form. */
export function contentsFromRaw(output: string, datatype: Datatype, data: Uint8Array): Partial<TensorContents> {
  const typed = typedOf(datatype, `output '${output}'`);
  return { [typed.field]: typed.fromRaw(data) };
}

function typedOf(datatype: Datatype, what: string): Typed {
  if (datatype === "FP16" || datatype === "BF16") throw new IdiomError("INVALID_REQUEST", `${what}: ${datatype} has no typed contents; use raw contents`);
  return TYPED[datatype];
}

function checkRange(values: readonly number[], [min, max]: readonly [number, number], input: string, model: string, datatype: Datatype): void {
  const index = values.findIndex((value) => value < min || value > max);
  if (index === -1) return;
  throw new IdiomError("INVALID_REQUEST", `input '${input}' for model '${model}': element ${index} is ${values[index]}, beyond ${datatype} (${min} to ${max})`);
}

function viewOf(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}
