// Writes frames.json, values.json and invalid.json: `node proto/harness/v1/vectors/generate.ts`. The bytes are built here
// from PROTOCOL.md alone and share no code with the host or a harness; a test holds the files against this script.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES = {
  HELLO: 0x01,
  INIT: 0x02,
  LOADED: 0x03,
  BIND: 0x04,
  READY: 0x05,
  FAILED: 0x06,
  LOG: 0x07,
  CANCEL: 0x08,
  PING: 0x09,
  PONG: 0x0a,
  DRAIN: 0x0b,
  BYE: 0x0c,
  INFER: 0x10,
  RESULT: 0x11,
  ERROR: 0x12,
} as const;
const DATATYPES = {
  BOOL: 1,
  UINT8: 2,
  UINT16: 3,
  UINT32: 4,
  UINT64: 5,
  INT8: 6,
  INT16: 7,
  INT32: 8,
  INT64: 9,
  FP16: 10,
  FP32: 11,
  FP64: 12,
  BYTES: 13,
  BF16: 14,
} as const;
const CONTENT_TYPES = { np: 1, pd: 2, str: 3, base64: 4, datetime: 5 } as const;
const DEFAULT_MAX_FRAME = 64 * 1024 * 1024;

type TypeName = keyof typeof TYPES;
type Datatype = keyof typeof DATATYPES;
type ContentType = keyof typeof CONTENT_TYPES;
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Tensor {
  index: number;
  datatype: Datatype;
  content_type: ContentType | null;
  shape: number[];
  data: Buffer;
}

interface TensorBody {
  segments: number[];
  tensors: Tensor[];
  errors: Json[] | null;
}

interface TensorBodyWords {
  headerLength?: number;
  segmentCount?: number;
  jsonLength?: number;
  words?: (words: number[]) => number[];
  tail?: Buffer;
}

// ---- building bytes ----

function words(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => void out.writeUInt32LE(value >>> 0, i * 4));
  return out;
}

function padded(part: Buffer): Buffer {
  return Buffer.concat([part, Buffer.alloc((8 - (part.length % 8)) % 8)]);
}

function tensorBody(body: TensorBody, change: TensorBodyWords = {}): Buffer {
  const json = body.errors === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify({ errors: body.errors }));
  let head = [0, change.segmentCount ?? body.segments.length, body.tensors.length, change.jsonLength ?? json.length, ...body.segments];
  for (const tensor of body.tensors) {
    const contentType = tensor.content_type === null ? 0 : CONTENT_TYPES[tensor.content_type];
    head.push(tensor.index, DATATYPES[tensor.datatype], contentType, tensor.data.length, tensor.shape.length, ...tensor.shape);
  }
  if (head.length % 2 === 1) head.push(0);
  head[0] = change.headerLength ?? head.length * 4;
  head = change.words?.(head) ?? head;
  const parts: Buffer[] = [words(...head)];
  body.tensors.forEach((tensor, i) => {
    const last = i === body.tensors.length - 1 && json.length === 0;
    parts.push(last ? tensor.data : padded(tensor.data));
  });
  return Buffer.concat([...parts, json, change.tail ?? Buffer.alloc(0)]);
}

function frame(type: number, id: bigint, body: Buffer, length = body.length): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(length, 0);
  header.writeUInt8(type, 4);
  header.writeBigUInt64LE(id, 8);
  return Buffer.concat([header, body]);
}

function jsonFrame(type: TypeName, json: Json, id = 0n): Buffer {
  return frame(TYPES[type], id, Buffer.from(JSON.stringify(json)));
}

function tensorFrame(type: "INFER" | "RESULT", id: bigint, body: TensorBody, change: TensorBodyWords = {}): Buffer {
  return frame(TYPES[type], id, tensorBody(body, change));
}

function bytesElements(...elements: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    elements.flatMap((e) => {
      const data = typeof e === "string" ? Buffer.from(e) : e;
      return [words(data.length), data];
    }),
  );
}

function floats(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => void out.writeFloatLE(value, i * 4));
  return out;
}

function doubles(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 8);
  values.forEach((value, i) => void out.writeDoubleLE(value, i * 8));
  return out;
}

function ints(size: 1 | 2 | 4 | 8, ...values: bigint[]): Buffer {
  const out = Buffer.alloc(values.length * size);
  values.forEach((value, i) => {
    const bits = BigInt.asUintN(size * 8, value);
    for (let b = 0; b < size; b++) out[i * size + b] = Number((bits >> BigInt(8 * b)) & 0xffn);
  });
  return out;
}

function tensor(index: number, datatype: Datatype, shape: number[], data: Buffer, contentType: ContentType | null = null): Tensor {
  return { index, datatype, content_type: contentType, shape, data };
}

// ---- frames.json ----

interface ExpectedFrame {
  type: TypeName;
  id: string;
  json?: Json;
  tensors?: TensorBody;
}

const spec = (name: string, datatype: Datatype | null, shape: number[] | null): Json => ({ name, datatype, shape, content_type: null, na: null, levels: null });

const CONTROL: [string, TypeName, Json, bigint][] = [
  ["hello", "HELLO", { protocol: 1, language: "python", language_version: "3.11.2", pid: 42, features: [] }, 0n],
  [
    "init",
    "INIT",
    {
      model: "churn",
      version: "3",
      instance: "churn/3#1",
      folder: "/model",
      entry: null,
      per: "batch",
      content_type: null,
      libraries: [],
      max_frame: DEFAULT_MAX_FRAME,
    },
    0n,
  ],
  ["loaded", "LOADED", { entry: "model.py:predict", hints: { inputs: [spec("x", null, null)], outputs: null }, artifact: null }, 0n],
  ["bind", "BIND", { inputs: [spec("x", "FP32", [-1, 4])], outputs: [spec("y", "FP32", [-1, 3])] }, 0n],
  ["ready", "READY", { convention: "tensor" }, 0n],
  [
    "failed",
    "FAILED",
    { kind: "MISSING_PACKAGE", type: "ModuleNotFoundError", message: "No module named 'xgboost'", traceback: ["model.py:1 in <module>"] },
    0n,
  ],
  ["log-non-ascii", "LOG", { level: "info", message: 'Größe 形状 🙂 \u0000 " \\ \n end' }, 7n],
  ["cancel", "CANCEL", { reason: "deadline" }, 7n],
  ["ping", "PING", {}, 18446744073709551615n],
  ["pong", "PONG", {}, 18446744073709551615n],
  ["drain", "DRAIN", {}, 0n],
  ["bye", "BYE", {}, 0n],
  [
    "error",
    "ERROR",
    { kind: "MODEL_ERROR", type: "ValueError", message: "age is negative: −1", traceback: ["model.py:12 in predict"], segment: null, row: null },
    9007199254740993n,
  ],
];

const TENSORS: [string, "INFER" | "RESULT", bigint, TensorBody][] = [
  ["one-tensor", "INFER", 1n, { segments: [1], tensors: [tensor(0, "FP32", [1, 4], floats(5.1, 3.5, 1.4, 0.2))], errors: null }],
  [
    "merged-segments",
    "INFER",
    2n,
    {
      segments: [1, 3, 2],
      tensors: [tensor(0, "FP64", [6], doubles(1, 2, 3, 4, 5, 6)), tensor(1, "INT32", [6, 1], ints(4, 1n, 2n, 3n, 4n, 5n, 6n))],
      errors: null,
    },
  ],
  [
    "padding-between-tensors",
    "INFER",
    3n,
    {
      segments: [3],
      tensors: [
        tensor(0, "UINT8", [3], ints(1, 1n, 2n, 3n)),
        tensor(1, "BYTES", [3], bytesElements("a", "", "ccc")),
        tensor(2, "FP64", [3], doubles(0, -0, 1)),
      ],
      errors: null,
    },
  ],
  [
    "not-counted",
    "INFER",
    4n,
    { segments: [0], tensors: [tensor(0, "FP32", [2, 2], floats(1, 2, 3, 4)), tensor(1, "FP32", [5], floats(1, 2, 3, 4, 5))], errors: null },
  ],
  ["scalar-rank-0", "RESULT", 5n, { segments: [0], tensors: [tensor(0, "FP64", [], doubles(2.5))], errors: null }],
  ["zero-rows", "RESULT", 6n, { segments: [0], tensors: [tensor(0, "FP32", [0, 3], Buffer.alloc(0)), tensor(1, "BYTES", [0], Buffer.alloc(0))], errors: null }],
  ["content-type-of-request", "INFER", 7n, { segments: [2], tensors: [tensor(0, "BYTES", [2], bytesElements("größe", "x"), "str")], errors: null }],
  [
    "outputs-out-of-order",
    "RESULT",
    8n,
    { segments: [1], tensors: [tensor(1, "BOOL", [1], ints(1, 1n)), tensor(0, "INT64", [1], ints(8, -9223372036854775808n))], errors: null },
  ],
  [
    "failed-row",
    "RESULT",
    9n,
    {
      segments: [1, 0, 2],
      tensors: [tensor(0, "FP64", [3], doubles(1, 2, 3))],
      errors: [{ segment: 1, row: 0, kind: "MODEL_ERROR", type: "ValueError", message: "age is negative: −1", traceback: ["model.py:3 in predict"] }],
    },
  ],
  [
    "every-row-failed",
    "RESULT",
    10n,
    {
      segments: [0],
      tensors: [tensor(0, "FP64", [0], Buffer.alloc(0))],
      errors: [{ segment: 0, row: 2, kind: "MODEL_ERROR", type: null, message: "no", traceback: [] }],
    },
  ],
  ["no-tensors", "INFER", 11n, { segments: [0], tensors: [], errors: null }],
  [
    "rank-4",
    "INFER",
    12n,
    { segments: [2], tensors: [tensor(0, "INT16", [2, 1, 2, 3], ints(2, ...Array.from({ length: 12 }, (_, i) => BigInt(i))))], errors: null },
  ],
];

function expectedTensors(body: TensorBody): Json {
  return {
    segments: body.segments,
    tensors: body.tensors.map((t) => ({ index: t.index, datatype: t.datatype, content_type: t.content_type, shape: t.shape, data: t.data.toString("hex") })),
    errors: body.errors,
  };
}

const expectedJson = ([, type, json, id]: (typeof CONTROL)[number]): ExpectedFrame => ({ type, id: String(id), json });
const expectedTensor = ([, type, id, body]: (typeof TENSORS)[number]): Json => ({ type, id: String(id), tensors: expectedTensors(body) });

function chopped(bytes: Buffer, ...sizes: number[]): string[] {
  const chunks: string[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    chunks.push(bytes.subarray(at, at + size).toString("hex"));
    at += size;
  }
  return chunks;
}

function framesFile(): Json {
  const control = CONTROL.map((c) => ({ name: c[0], chunks: [jsonFrame(c[1], c[2], c[3]).toString("hex")], frames: [expectedJson(c) as unknown as Json] }));
  const tensors = TENSORS.map((t) => ({ name: t[0], chunks: [tensorFrame(t[1], t[2], t[3]).toString("hex")], frames: [expectedTensor(t)] }));
  const all = [
    ...CONTROL.map((c) => ({ bytes: jsonFrame(c[1], c[2], c[3]), expected: expectedJson(c) as unknown as Json })),
    ...TENSORS.map((t) => ({ bytes: tensorFrame(t[1], t[2], t[3]), expected: expectedTensor(t) })),
  ];
  const stream = Buffer.concat(all.map((f) => f.bytes));
  const expected = all.map((f) => f.expected);
  return {
    description:
      "Feed `chunks` to a decoder one after the other: it yields `frames`. Encoding `frames` yields the joined chunks; for JSON bodies compare the parsed JSON instead of its bytes. ids are decimal strings, data is hex.",
    max_frame: DEFAULT_MAX_FRAME,
    cases: [
      ...control,
      ...tensors,
      {
        name: "unknown-flags-are-ignored",
        chunks: [Buffer.from([2, 0, 0, 0, TYPES.PING, 0x80, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]).toString("hex")],
        frames: [{ type: "PING", id: "5", json: {} }],
        encode: false,
      },
      { name: "coalesced", chunks: [stream.toString("hex")], frames: expected },
      { name: "split-at-every-byte", chunks: chopped(stream, 1), frames: expected },
      { name: "split-inside-headers-and-bodies", chunks: chopped(stream, 7, 15, 16, 17, 33), frames: expected },
    ],
  };
}

// ---- values.json ----

interface ValueCase {
  name: string;
  datatype: Datatype;
  shape: number[];
  bytes: Buffer;
  values: Json[];
  content_type?: ContentType;
  na?: Json;
  levels?: string[];
  at?: { index: number[]; value: Json }[];
  except?: { [language: string]: { bytes?: string; values?: Json[]; reason: string } };
}

function integerCases(datatype: Datatype, size: 1 | 2 | 4 | 8, signed: boolean): ValueCase {
  const bits = BigInt(size * 8);
  const [min, max] = signed ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
  const values = size === 8 ? [min, -1n, 0n, 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, max] : [min, 0n, 1n, 127n, max];
  const admitted = values.filter((v) => v >= min && v <= max);
  const result: ValueCase = {
    name: `${datatype.toLowerCase()}-limits`,
    datatype,
    shape: [admitted.length],
    bytes: ints(size, ...admitted),
    values: admitted.map(String),
  };
  if (datatype === "INT32")
    result.except = { r: { values: admitted.map((v, i) => (i === 0 ? null : String(v))), reason: "INT_MIN is R's NA; its bits are kept" } };
  return result;
}

const ROW_MAJOR = Array.from({ length: 24 }, (_, i) => BigInt(i));

const VALUES: ValueCase[] = [
  { name: "bool", datatype: "BOOL", shape: [3], bytes: ints(1, 1n, 0n, 1n), values: [true, false, true] },
  integerCases("INT8", 1, true),
  integerCases("UINT8", 1, false),
  integerCases("INT16", 2, true),
  integerCases("UINT16", 2, false),
  integerCases("INT32", 4, true),
  integerCases("UINT32", 4, false),
  integerCases("INT64", 8, true),
  integerCases("UINT64", 8, false),
  {
    name: "fp32",
    datatype: "FP32",
    shape: [6],
    bytes: floats(0, 1, -1.5, 0.1, 3.4028234663852886e38, 1e-45),
    values: ["0", "1", "-1.5", "0.10000000149011612", "3.4028234663852886e+38", "1.401298464324817e-45"],
  },
  {
    name: "fp64",
    datatype: "FP64",
    shape: [6],
    bytes: doubles(0, 1, -1.5, 0.1, Number.MAX_VALUE, Number.MIN_VALUE),
    values: ["0", "1", "-1.5", "0.1", "1.7976931348623157e+308", "5e-324"],
  },
  {
    name: "fp16",
    datatype: "FP16",
    shape: [7],
    bytes: ints(2, 0n, 0x3c00n, 0xbe00n, 0x2e66n, 0x7bffn, 0x0001n, 0x03ffn),
    values: ["0", "1", "-1.5", "0.0999755859375", "65504", "5.960464477539063e-8", "0.00006097555160522461"],
  },
  {
    name: "bf16",
    datatype: "BF16",
    shape: [5],
    bytes: ints(2, 0n, 0x3f80n, 0xbfc0n, 0x3dcdn, 0x7f7fn),
    values: ["0", "1", "-1.5", "0.10009765625", "3.3895313892515355e+38"],
    except: bf16Except(["0", "16256", "49088", "15821", "32639"]),
  },
  {
    name: "fp32-special",
    datatype: "FP32",
    shape: [4],
    bytes: ints(4, 0x7f800000n, 0xff800000n, 0x80000000n, 0x7fc00000n),
    values: ["Infinity", "-Infinity", "-0", "NaN"],
  },
  {
    name: "fp64-special",
    datatype: "FP64",
    shape: [4],
    bytes: ints(8, 0x7ff0000000000000n, 0xfff0000000000000n, 0x8000000000000000n, 0x7ff8000000000000n),
    values: ["Infinity", "-Infinity", "-0", "NaN"],
  },
  { name: "fp16-special", datatype: "FP16", shape: [4], bytes: ints(2, 0x7c00n, 0xfc00n, 0x8000n, 0x7e00n), values: ["Infinity", "-Infinity", "-0", "NaN"] },
  {
    name: "bf16-special",
    datatype: "BF16",
    shape: [4],
    bytes: ints(2, 0x7f80n, 0xff80n, 0x8000n, 0x7fc0n),
    values: ["Infinity", "-Infinity", "-0", "NaN"],
    except: bf16Except(["32640", "65408", "32768", "32704"]),
  },
  { name: "fp32-quiet-nan-payload", datatype: "FP32", shape: [2], bytes: ints(4, 0x7fc12345n, 0xffedcba9n), values: ["NaN", "NaN"] },
  { name: "fp64-quiet-nan-payload", datatype: "FP64", shape: [2], bytes: ints(8, 0x7ff8000000012345n, 0xfffedcba98765432n), values: ["NaN", "NaN"] },
  { name: "fp16-quiet-nan-payload", datatype: "FP16", shape: [2], bytes: ints(2, 0x7e55n, 0xff01n), values: ["NaN", "NaN"] },
  {
    name: "fp32-signalling-nan",
    datatype: "FP32",
    shape: [1],
    bytes: ints(4, 0x7f812345n),
    values: ["NaN"],
    except: { r: { bytes: ints(4, 0x7fc12345n).toString("hex"), reason: "R computes in doubles; the conversion quiets the NaN" } },
  },
  { name: "fp64-signalling-nan", datatype: "FP64", shape: [1], bytes: ints(8, 0x7ff0000000012345n), values: ["NaN"] },
  {
    name: "bytes-text",
    datatype: "BYTES",
    shape: [4],
    bytes: bytesElements("", "a", "größe", "形状🙂"),
    values: ["", "61", "6772c3b6c39f65", "e5bda2e78ab6f09f9982"],
  },
  {
    name: "bytes-nul-and-invalid-utf8",
    datatype: "BYTES",
    shape: [3],
    bytes: bytesElements(Buffer.from([0]), Buffer.from([0x61, 0, 0x62]), Buffer.from([0xff, 0xfe, 0xc3])),
    values: ["00", "610062", "fffec3"],
  },
  {
    name: "bytes-as-str",
    datatype: "BYTES",
    shape: [4],
    content_type: "str",
    bytes: bytesElements("", "a", "größe", "形状🙂"),
    values: ["", "a", "größe", "形状🙂"],
  },
  { name: "bytes-as-base64", datatype: "BYTES", shape: [2], content_type: "base64", bytes: bytesElements("AP8=", ""), values: ["00ff", ""] },
  {
    name: "bytes-as-datetime",
    datatype: "BYTES",
    shape: [3],
    content_type: "datetime",
    bytes: bytesElements("2026-01-02T03:04:05Z", "1969-12-31T23:59:59.5Z", "2000-02-29T00:00:00Z"),
    values: ["1767323045000", "-500", "951782400000"],
  },
  { name: "rank-0-int32", datatype: "INT32", shape: [], bytes: ints(4, 7n), values: ["7"] },
  { name: "rank-0-fp64", datatype: "FP64", shape: [], bytes: doubles(0.25), values: ["0.25"] },
  { name: "rank-0-bytes", datatype: "BYTES", shape: [], bytes: bytesElements("one"), values: ["6f6e65"] },
  { name: "rank-1-one-element", datatype: "FP64", shape: [1], bytes: doubles(0.25), values: ["0.25"], at: [{ index: [0], value: "0.25" }] },
  {
    name: "rank-2-row-major",
    datatype: "INT32",
    shape: [2, 3],
    bytes: ints(4, ...ROW_MAJOR.slice(0, 6)),
    values: ROW_MAJOR.slice(0, 6).map(String),
    at: [
      { index: [0, 2], value: "2" },
      { index: [1, 0], value: "3" },
    ],
  },
  { name: "rank-2-one-row", datatype: "FP32", shape: [1, 4], bytes: floats(1, 2, 3, 4), values: ["1", "2", "3", "4"], at: [{ index: [0, 3], value: "4" }] },
  { name: "rank-2-one-column", datatype: "FP32", shape: [4, 1], bytes: floats(1, 2, 3, 4), values: ["1", "2", "3", "4"], at: [{ index: [3, 0], value: "4" }] },
  {
    name: "rank-3-row-major",
    datatype: "INT64",
    shape: [2, 3, 2],
    bytes: ints(8, ...ROW_MAJOR.slice(0, 12)),
    values: ROW_MAJOR.slice(0, 12).map(String),
    at: [
      { index: [0, 1, 0], value: "2" },
      { index: [1, 0, 1], value: "7" },
    ],
  },
  {
    name: "rank-4-row-major",
    datatype: "FP64",
    shape: [2, 3, 2, 2],
    bytes: doubles(...ROW_MAJOR.map(Number)),
    values: ROW_MAJOR.map(String),
    at: [
      { index: [0, 2, 1, 0], value: "10" },
      { index: [1, 1, 0, 1], value: "17" },
    ],
  },
  {
    name: "rank-2-bytes",
    datatype: "BYTES",
    shape: [2, 2],
    bytes: bytesElements("a", "b", "c", "d"),
    values: ["61", "62", "63", "64"],
    at: [{ index: [1, 0], value: "63" }],
  },
  {
    name: "rank-2-bool",
    datatype: "BOOL",
    shape: [2, 2],
    bytes: ints(1, 1n, 0n, 0n, 1n),
    values: [true, false, false, true],
    at: [{ index: [1, 1], value: true }],
  },
  { name: "empty-rows", datatype: "FP32", shape: [0, 4], bytes: Buffer.alloc(0), values: [] },
  { name: "empty-columns", datatype: "INT64", shape: [3, 0], bytes: Buffer.alloc(0), values: [] },
  { name: "empty-bytes", datatype: "BYTES", shape: [0], bytes: Buffer.alloc(0), values: [] },
];

function bf16Except(bits: string[]): NonNullable<ValueCase["except"]> {
  const reason = "BF16 arrives as its bits where the language has no such type";
  return { python: { values: bits, reason }, node: { values: bits, reason } };
}

/** Columns of the frame and row conventions: missing values and levels. `null` is the language's own missing value. */
const COLUMNS: ValueCase[] = [
  { name: "int64-na", datatype: "INT64", shape: [3], na: -1, bytes: ints(8, 5n, -1n, 9007199254740993n), values: ["5", null, "9007199254740993"] },
  { name: "int32-na", datatype: "INT32", shape: [2], na: -2147483648, bytes: ints(4, -2147483648n, 3n), values: [null, "3"] },
  { name: "bool-na-is-not-needed", datatype: "BOOL", shape: [2], bytes: ints(1, 0n, 1n), values: [false, true] },
  { name: "fp64-nan-is-missing", datatype: "FP64", shape: [2], bytes: ints(8, 0x7ff8000000000000n, 0x3ff0000000000000n), values: ["NaN", "1"] },
  { name: "text-na", datatype: "BYTES", shape: [3], na: "", bytes: bytesElements("a", "", "ö"), values: ["a", null, "ö"] },
  { name: "text-without-na", datatype: "BYTES", shape: [2], bytes: bytesElements("", "NA"), values: ["", "NA"] },
  {
    name: "levels",
    datatype: "BYTES",
    shape: [3],
    levels: ["low", "high", "größer"],
    bytes: bytesElements("high", "low", "größer"),
    values: ["high", "low", "größer"],
  },
  { name: "levels-na", datatype: "BYTES", shape: [2], na: "", levels: ["low", "high"], bytes: bytesElements("", "high"), values: [null, "high"] },
  { name: "column-of-rank-2", datatype: "FP64", shape: [2, 1], bytes: doubles(1, 2), values: ["1", "2"] },
];

interface CastCase {
  name: string;
  value: string;
  datatype: Datatype;
  bytes: Buffer | null;
  languages: string[] | null;
}

/** A language's plain number (Python int or float, R double, JS number) as an output element. `bytes` null: INVALID_OUTPUT. */
const CASTS: CastCase[] = [
  { name: "integral-to-int32", value: "7", datatype: "INT32", bytes: ints(4, 7n), languages: null },
  { name: "fraction-to-int32", value: "1.5", datatype: "INT32", bytes: null, languages: null },
  { name: "beyond-int8", value: "128", datatype: "INT8", bytes: null, languages: null },
  { name: "negative-to-uint8", value: "-1", datatype: "UINT8", bytes: null, languages: null },
  { name: "beyond-int32", value: "2147483648", datatype: "INT32", bytes: null, languages: null },
  { name: "integral-to-int64", value: "4294967296", datatype: "INT64", bytes: ints(8, 4294967296n), languages: null },
  { name: "two-to-bool", value: "2", datatype: "BOOL", bytes: null, languages: null },
  { name: "exact-to-fp32", value: "0.5", datatype: "FP32", bytes: floats(0.5), languages: null },
  { name: "rounded-to-fp32", value: "0.1", datatype: "FP32", bytes: floats(0.1), languages: ["r", "node"] },
  { name: "rounded-to-fp16", value: "0.1", datatype: "FP16", bytes: ints(2, 0x2e66n), languages: ["r", "node"] },
  { name: "tie-to-even-fp16-down", value: "2049", datatype: "FP16", bytes: ints(2, 0x6800n), languages: ["r", "node"] },
  { name: "tie-to-even-fp16-up", value: "2051", datatype: "FP16", bytes: ints(2, 0x6802n), languages: ["r", "node"] },
  { name: "overflow-fp16-is-infinity", value: "65520", datatype: "FP16", bytes: ints(2, 0x7c00n), languages: ["r", "node"] },
  { name: "subnormal-fp16", value: "5.960464477539063e-8", datatype: "FP16", bytes: ints(2, 0x0001n), languages: ["r", "node"] },
  { name: "no-double-rounding-fp16", value: "1.00048828126", datatype: "FP16", bytes: ints(2, 0x3c01n), languages: ["r", "node"] },
  { name: "rounded-to-bf16", value: "0.1", datatype: "BF16", bytes: ints(2, 0x3dcdn), languages: ["r"] },
  { name: "tie-to-even-bf16", value: "1.00390625", datatype: "BF16", bytes: ints(2, 0x3f80n), languages: ["r"] },
];

function valuesFile(): Json {
  const plain = (c: ValueCase): Json => ({
    name: c.name,
    datatype: c.datatype,
    shape: c.shape,
    content_type: c.content_type ?? null,
    na: c.na ?? null,
    levels: c.levels ?? null,
    bytes: c.bytes.toString("hex"),
    values: c.values,
    at: c.at ?? [],
    except: (c.except ?? {}) as Json,
  });
  return {
    description:
      "tensors: decode `bytes` to the language's native value, in the conventions tensor and named; its elements in row-major order are `values`, the one at `index` is `value`; encoding it again yields `bytes`. " +
      "Numbers are decimal strings, BYTES are hex (text under content type str, epoch milliseconds under datetime), null is the language's missing value. columns: the same in the conventions frame and row, where BYTES are text. " +
      "`except` gives the bytes or values that one language has instead. casts: the language's plain number as an output of that data type; bytes null means INVALID_OUTPUT; `languages` null means all that have such a number.",
    tensors: VALUES.map(plain),
    columns: COLUMNS.map(plain),
    casts: CASTS.map((c) => ({ ...c, bytes: c.bytes === null ? null : c.bytes.toString("hex") })),
  };
}

// ---- invalid.json ----

const fine: TensorBody = { segments: [2], tensors: [tensor(0, "FP32", [2, 2], floats(1, 2, 3, 4))], errors: null };
const setWord = (at: number, value: number) => ({ words: (w: number[]) => w.map((old, i) => (i === at ? value : old)) });
const infer = (change: TensorBodyWords, body = fine) => tensorFrame("INFER", 1n, body, change);
// In `fine` the words are: 0 H, 1 S, 2 T, 3 E, 4 rows, 5 index, 6 datatype, 7 content type, 8 byte length, 9 rank, 10-11 dimensions.

const BROKEN_BYTES: { name: string; data: Buffer; reason: string }[] = [
  { name: "bytes-element-beyond-tensor", data: Buffer.concat([bytesElements("a"), words(99), Buffer.from("b")]), reason: "an element ends beyond its tensor" },
  { name: "bytes-too-few-elements", data: bytesElements("ab"), reason: "one element, two by the shape" },
  { name: "bytes-too-many-elements", data: bytesElements("a", "b", "c"), reason: "three elements, two by the shape" },
  { name: "bytes-torn-length", data: Buffer.concat([bytesElements("a"), Buffer.from([1, 0])]), reason: "the last element's length is torn" },
];

const INVALID: { name: string; receiver: "any" | "harness" | "host"; stream: Buffer; reason: string }[] = [
  {
    name: "length-over-limit",
    receiver: "any",
    stream: frame(TYPES.PING, 0n, Buffer.alloc(0), DEFAULT_MAX_FRAME + 1),
    reason: "the length is beyond max_frame; nothing is allocated",
  },
  { name: "length-all-ones", receiver: "any", stream: frame(TYPES.PING, 0n, Buffer.alloc(0), 0xffffffff), reason: "the length is beyond max_frame" },
  { name: "unknown-type", receiver: "any", stream: frame(0x7f, 0n, Buffer.from("{}")), reason: "no such frame type" },
  { name: "type-zero", receiver: "any", stream: frame(0, 0n, Buffer.from("{}")), reason: "no such frame type" },
  { name: "json-truncated", receiver: "any", stream: frame(TYPES.LOG, 0n, Buffer.from('{"level": "info"')), reason: "the body is no JSON" },
  { name: "json-empty", receiver: "any", stream: frame(TYPES.PING, 0n, Buffer.alloc(0)), reason: "an empty body is no JSON object" },
  { name: "json-not-an-object", receiver: "any", stream: frame(TYPES.PING, 0n, Buffer.from("[1]")), reason: "the body is no JSON object" },
  {
    name: "json-invalid-utf8",
    receiver: "any",
    stream: frame(TYPES.LOG, 0n, Buffer.concat([Buffer.from('{"level":"info","message":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])),
    reason: "the body is not UTF-8",
  },
  { name: "result-to-harness", receiver: "harness", stream: tensorFrame("RESULT", 1n, fine), reason: "a RESULT goes to the host" },
  { name: "infer-to-host", receiver: "host", stream: infer({}), reason: "an INFER goes to a harness" },
  { name: "tensors-body-too-short", receiver: "harness", stream: frame(TYPES.INFER, 1n, Buffer.alloc(8)), reason: "no room for the four first words" },
  { name: "header-not-multiple-of-8", receiver: "harness", stream: infer({ headerLength: 44 }), reason: "H is no multiple of 8" },
  { name: "header-beyond-body", receiver: "harness", stream: infer({ headerLength: 4096 }), reason: "H is beyond the body" },
  { name: "header-shorter-than-its-words", receiver: "harness", stream: infer({ headerLength: 40 }), reason: "the descriptors do not fit in H" },
  { name: "no-segments", receiver: "harness", stream: infer({ segmentCount: 0 }), reason: "S is 0" },
  { name: "segments-beyond-header", receiver: "harness", stream: infer({ segmentCount: 0x7fffffff }), reason: "the rows do not fit in H" },
  { name: "tensors-beyond-header", receiver: "harness", stream: infer(setWord(2, 9)), reason: "the descriptors do not fit in H" },
  { name: "rows-do-not-add-up", receiver: "harness", stream: infer(setWord(4, 3)), reason: "dimension 0 is not the sum of the rows" },
  { name: "datatype-unknown", receiver: "harness", stream: infer(setWord(6, 15)), reason: "no such data type" },
  { name: "content-type-unknown", receiver: "harness", stream: infer(setWord(7, 9)), reason: "no such content type" },
  { name: "byte-length-wrong", receiver: "harness", stream: infer(setWord(8, 12)), reason: "the byte length is not the elements' size" },
  {
    name: "byte-length-beyond-body",
    receiver: "harness",
    stream: infer({ words: (w) => w.map((old, i) => (i === 8 ? 1600 : i === 4 ? 200 : i === 10 ? 200 : old)) }),
    reason: "the data ends beyond the body",
  },
  { name: "negative-dimension", receiver: "harness", stream: infer(setWord(10, 0xffffffff)), reason: "a word is beyond 2^31 - 1" },
  {
    name: "dimensions-overflow",
    receiver: "harness",
    stream: infer({ words: (w) => w.map((old, i) => (i === 10 || i === 11 || i === 4 ? 0x7fffffff : old)) }),
    reason: "the elements' size is not the byte length",
  },
  { name: "rank-beyond-header", receiver: "harness", stream: infer(setWord(9, 60)), reason: "the dimensions do not fit in H" },
  { name: "trailing-bytes", receiver: "harness", stream: infer({ tail: Buffer.from([1, 2, 3]) }), reason: "bytes after the last tensor" },
  { name: "json-block-in-infer", receiver: "harness", stream: tensorFrame("INFER", 1n, { ...fine, errors: [] }), reason: "E is not 0 in INFER" },
  { name: "json-block-beyond-body", receiver: "host", stream: tensorFrame("RESULT", 1n, fine, { jsonLength: 64 }), reason: "E is beyond the body" },
  ...BROKEN_BYTES.flatMap(({ name, data, reason }) =>
    (["INFER", "RESULT"] as const).map((type) => ({
      name: `${name}-in-${type.toLowerCase()}`,
      receiver: type === "INFER" ? ("harness" as const) : ("host" as const),
      reason,
      stream: tensorFrame(type, 1n, { segments: [2], tensors: [tensor(0, "BYTES", [2], data)], errors: null }),
    })),
  ),
];

const answer: TensorBody = { segments: [1], tensors: [tensor(0, "FP64", [1], doubles(1))], errors: null };
const STALE: { name: string; in_flight: string | null; stream: Buffer }[] = [
  { name: "result-of-an-older-frame", in_flight: "8", stream: tensorFrame("RESULT", 7n, answer) },
  { name: "result-with-nothing-in-flight", in_flight: null, stream: tensorFrame("RESULT", 7n, answer) },
  { name: "second-result", in_flight: "7", stream: Buffer.concat([tensorFrame("RESULT", 7n, answer), tensorFrame("RESULT", 7n, answer)]) },
  {
    name: "error-of-an-unknown-frame",
    in_flight: "7",
    stream: jsonFrame("ERROR", { kind: "MODEL_ERROR", type: null, message: "no", traceback: [], segment: null, row: null }, 99n),
  },
];

function invalidFile(): Json {
  return {
    description:
      "violations: reading `stream` is a protocol violation for `receiver` (any: both). stale: the host has `in_flight` in flight (null: nothing) and reading `stream` ends the instance.",
    max_frame: DEFAULT_MAX_FRAME,
    violations: INVALID.map((c) => ({ ...c, stream: c.stream.toString("hex") })),
    stale: STALE.map((c) => ({ ...c, stream: c.stream.toString("hex") })),
  };
}

/** The three files by name, as text. */
export function vectorFiles(): Record<string, string> {
  const text = (json: Json): string => `${JSON.stringify(json, null, 1)}\n`;
  return { "frames.json": text(framesFile()), "values.json": text(valuesFile()), "invalid.json": text(invalidFile()) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, content] of Object.entries(vectorFiles())) writeFileSync(join(import.meta.dirname, name), content);
}
