// Tensors as the Open Inference Protocol writes them in JSON (REST, golden files, the CLI) to raw bytes and back.
import { type ContentType, DATATYPES, type Datatype, isDatatype } from "./datatype.ts";
import { IdiomError } from "./errors.ts";
import { elementCount, type Tensor } from "./tensor.ts";

export type JsonValue = null | boolean | number | string | bigint | JsonValue[];

export interface JsonTensor {
  name: string;
  datatype: string;
  shape: number[];
  /** Flat or nested, row-major. Floats also as "NaN", "Infinity", "-Infinity"; 64-bit integers also as bigint or decimal text. */
  data: JsonValue[];
  parameters?: Record<string, unknown>;
}

/** Only whole numbers so long can lose digits in JSON.parse; looking at every value costs several times as much. */
const LONG_INTEGER = /(?:^|[^.\d])\d{16}/;

/**
 * JSON.parse that keeps integers beyond 2^53: they become bigint.
 * @throws SyntaxError as JSON.parse does.
 */
export function parseJsonExact(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value) || context?.source === undefined) return value;
    return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
  });
}

/** JSON.stringify for values that hold bigint: they are written as plain integers. */
export function stringifyExact(value: unknown, indent?: number): string {
  const raw = JSON as unknown as { rawJSON(text: string): unknown };
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? raw.rawJSON(String(item)) : item), indent);
}

/** @throws IdiomError INVALID_REQUEST naming the tensor and the element. */
export function tensorFromJson(json: JsonTensor, contentType: ContentType | null = null): Tensor {
  if (!isDatatype(json.datatype)) throw invalid(json.name, `unknown datatype '${json.datatype}'`);
  const flat = (json.data as unknown[]).flat(Number.POSITIVE_INFINITY) as JsonValue[];
  const count = elementCount(json.shape);
  if (flat.length !== count) throw invalid(json.name, `shape [${json.shape.join(",")}] holds ${count} elements, data has ${flat.length}`);
  return { datatype: json.datatype, contentType, shape: json.shape, data: encode(json.name, json.datatype, flat) };
}

/** `data` is flat. BYTES become text where they are UTF-8, else base64 with the content type `base64` in the parameters. */
export function tensorToJson(name: string, tensor: Tensor): JsonTensor {
  const { datatype, shape } = tensor;
  if (datatype === "BYTES") return bytesToJson(name, tensor);
  return { name, datatype, shape: [...shape], data: decodeNumbers(datatype, tensor.data) };
}

/** The elements of a BYTES tensor, as views on its data. */
export function bytesElements(data: Uint8Array): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const elements: Uint8Array[] = [];
  for (let at = 0; at < data.length; ) {
    const length = view.getUint32(at, true);
    elements.push(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return elements;
}

/** The raw form of BYTES elements: u32 little-endian length and the bytes, one after the other. */
export function joinBytesElements(elements: readonly Uint8Array[]): Buffer {
  const total = elements.reduce((sum, element) => sum + 4 + element.length, 0);
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  for (const element of elements) {
    at = out.writeUInt32LE(element.length, at);
    out.set(element, at);
    at += element.length;
  }
  return out;
}

function invalid(name: string, what: string): IdiomError {
  return new IdiomError("INVALID_REQUEST", `input '${name}': ${what}`);
}

function encode(name: string, datatype: Datatype, values: readonly JsonValue[]): Buffer {
  if (datatype === "BYTES") return joinBytesElements(values.map((value, i) => bytesOf(name, value, i)));
  const size = DATATYPES[datatype].size;
  const out = Buffer.alloc(values.length * size);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  const write = WRITERS[datatype];
  values.forEach((value, i) => {
    if (!write(view, i * size, value)) throw invalid(name, `element ${i} (${stringifyExact(value)}) is no ${datatype}`);
  });
  return out;
}

function bytesOf(name: string, value: JsonValue, index: number): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  if (Array.isArray(value) || value === null) throw invalid(name, `element ${index} is no text`);
  return Buffer.from(String(value));
}

/** Writes one element at a byte offset; false when the value is none of the data type. */
export type ElementWriter = (view: DataView, at: number, value: JsonValue) => boolean;

/** Reads the element at a byte offset: exact, with floats that JSON cannot write as text. */
export type ElementReader = (view: DataView, at: number) => JsonValue;

export function elementWriter(datatype: Exclude<Datatype, "BYTES">): ElementWriter {
  return WRITERS[datatype];
}

export function elementReader(datatype: Exclude<Datatype, "BYTES">): ElementReader {
  return READERS[datatype];
}

const integer =
  (min: number, max: number, set: (view: DataView, at: number, value: number) => void): ElementWriter =>
  (view, at, value) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) return false;
    set(view, at, value);
    return true;
  };

const bigInteger =
  (min: bigint, max: bigint): ElementWriter =>
  (view, at, value) => {
    const exact = typeof value === "bigint" ? value : toBigInt(value);
    if (exact === null || exact < min || exact > max) return false;
    view.setBigUint64(at, BigInt.asUintN(64, exact), true);
    return true;
  };

function toBigInt(value: JsonValue): bigint | null {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : null;
  return typeof value === "string" && /^-?\d+$/.test(value) ? BigInt(value) : null;
}

const float =
  (set: (view: DataView, at: number, value: number) => void): ElementWriter =>
  (view, at, value) => {
    const number = typeof value === "bigint" ? Number(value) : typeof value === "string" ? NAMED_FLOATS[value] : value === null ? Number.NaN : value;
    if (typeof number !== "number") return false;
    set(view, at, number);
    return true;
  };

const NAMED_FLOATS: Record<string, number | undefined> = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, "-Infinity": Number.NEGATIVE_INFINITY };

const WRITERS: Record<Exclude<Datatype, "BYTES">, ElementWriter> = {
  BOOL: (view, at, value) => {
    if (typeof value !== "boolean" && value !== 0 && value !== 1) return false;
    view.setUint8(at, value ? 1 : 0);
    return true;
  },
  INT8: integer(-128, 127, (view, at, value) => view.setInt8(at, value)),
  UINT8: integer(0, 255, (view, at, value) => view.setUint8(at, value)),
  INT16: integer(-32768, 32767, (view, at, value) => view.setInt16(at, value, true)),
  UINT16: integer(0, 65535, (view, at, value) => view.setUint16(at, value, true)),
  INT32: integer(-(2 ** 31), 2 ** 31 - 1, (view, at, value) => view.setInt32(at, value, true)),
  UINT32: integer(0, 2 ** 32 - 1, (view, at, value) => view.setUint32(at, value, true)),
  INT64: bigInteger(-(2n ** 63n), 2n ** 63n - 1n),
  UINT64: bigInteger(0n, 2n ** 64n - 1n),
  FP16: float((view, at, value) => view.setFloat16(at, value, true)),
  FP32: float((view, at, value) => view.setFloat32(at, value, true)),
  FP64: float((view, at, value) => view.setFloat64(at, value, true)),
  BF16: float((view, at, value) => view.setUint16(at, bf16Bits(value), true)),
};

const READERS: Record<Exclude<Datatype, "BYTES">, ElementReader> = {
  BOOL: (view, at) => view.getUint8(at) !== 0,
  INT8: (view, at) => view.getInt8(at),
  UINT8: (view, at) => view.getUint8(at),
  INT16: (view, at) => view.getInt16(at, true),
  UINT16: (view, at) => view.getUint16(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  INT64: (view, at) => narrow(view.getBigInt64(at, true)),
  UINT64: (view, at) => narrow(view.getBigUint64(at, true)),
  FP16: (view, at) => named(view.getFloat16(at, true)),
  FP32: (view, at) => named(shortestFloat32(view.getFloat32(at, true))),
  FP64: (view, at) => named(view.getFloat64(at, true)),
  BF16: (view, at) => {
    const bits = new DataView(new ArrayBuffer(4));
    bits.setUint32(0, view.getUint16(at, true) << 16);
    return named(bits.getFloat32(0));
  },
};

function decodeNumbers(datatype: Exclude<Datatype, "BYTES">, data: Uint8Array): JsonValue[] {
  const size = DATATYPES[datatype].size;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = READERS[datatype];
  return Array.from({ length: data.length / size }, (_, i) => read(view, i * size));
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function named(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** The decimal with the fewest digits that still names this FP32 value: 0.1, not 0.10000000149011612. */
export function shortestFloat32(value: number): number {
  // toPrecision would drop the sign of -0.
  if (!Number.isFinite(value) || value === 0) return value;
  for (let digits = 6; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** Round to nearest, ties to even, straight from the double. */
function bf16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const single = new DataView(new ArrayBuffer(4));
  single.setFloat32(0, value);
  const bits = single.getUint32(0);
  const rest = bits & 0xffff;
  // The conversion to FP32 has rounded once; where that made an exact tie, the double says on which side it lay.
  const side = rest === 0x8000 ? Math.sign(Math.abs(value) - Math.abs(single.getFloat32(0))) : rest > 0x8000 ? 1 : -1;
  const up = side > 0 || (side === 0 && ((bits >>> 16) & 1) === 1);
  return ((bits >>> 16) + (up ? 1 : 0)) & 0xffff;
}

function bytesToJson(name: string, tensor: Tensor): JsonTensor {
  const elements = bytesElements(tensor.data);
  const json = { name, datatype: tensor.datatype, shape: [...tensor.shape] };
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { ...json, data: elements.map((element) => decoder.decode(element)) };
  } catch {
    return { ...json, parameters: { content_type: "base64" }, data: elements.map((element) => Buffer.from(element).toString("base64")) };
  }
}
