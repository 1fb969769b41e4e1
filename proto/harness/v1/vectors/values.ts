// values.json: bytes and native values of every data type, columns with missing values and levels, casts.
import { bytesElements, type ContentType, type Datatype, doubles, floats, ints, type Json } from "./encoding.ts";

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

export function valuesFile(): Json {
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
