import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Datatype } from "../../../src/core/datatype.ts";
import {
  bytesElements,
  type JsonValue,
  joinBytesElements,
  parseJsonExact,
  stringifyExact,
  tensorFromJson,
  tensorToJson,
} from "../../../src/core/json-tensor.ts";
import { elements, float32, float64, int32, int64 } from "../../support/bytes.ts";
import { idiomError } from "../../support/idiom-error.ts";
import { tensor } from "../../support/specs.ts";

function encode(datatype: string, data: JsonValue[], shape = [data.length]): string {
  return Buffer.from(tensorFromJson({ name: "x", datatype, shape, data }).data).toString("hex");
}

function decode(datatype: Datatype, data: Uint8Array, count: number): JsonValue[] {
  return tensorToJson("x", tensor(datatype, [count], data)).data;
}

describe("JSON with 64-bit integers", () => {
  test("is read without losing a digit", () => {
    const text = '{"a": 9007199254740993, "b": -9223372036854775808, "c": 18446744073709551615, "d": 7}';
    assert.deepEqual(parseJsonExact(text), { a: 9007199254740993n, b: -9223372036854775808n, c: 18446744073709551615n, d: 7 });
  });

  test("leaves numbers that are no integers as they are", () => {
    assert.deepEqual(parseJsonExact("[1.5, 1e300, -0.1]"), [1.5, 1e300, -0.1]);
  });

  test("is written as plain integers", () => {
    assert.equal(stringifyExact({ a: [9007199254740993n, 1, "x"] }), '{"a":[9007199254740993,1,"x"]}');
  });
});

describe("a tensor from JSON", () => {
  const ENCODED: readonly [Datatype, JsonValue[], Buffer][] = [
    ["BOOL", [true, false, 1, 0], Buffer.from([1, 0, 1, 0])],
    ["INT8", [-128, 127], Buffer.from([0x80, 0x7f])],
    ["UINT8", [0, 255], Buffer.from([0, 255])],
    ["INT16", [-32768, 32767], Buffer.from([0x00, 0x80, 0xff, 0x7f])],
    ["UINT16", [0, 65535], Buffer.from([0, 0, 0xff, 0xff])],
    ["INT32", [-(2 ** 31), 2 ** 31 - 1], int32(-(2 ** 31), 2 ** 31 - 1)],
    ["UINT32", [0, 2 ** 32 - 1], int32(0, -1)],
    ["INT64", [-9223372036854775808n, 9223372036854775807n, 7, "9007199254740993"], int64(-(2n ** 63n), 2n ** 63n - 1n, 7n, 9007199254740993n)],
    ["UINT64", [18446744073709551615n, "18446744073709551614", 0], int64(-1n, -2n, 0n)],
    ["FP32", [1.5, -0, 0.1], float32(1.5, -0, 0.1)],
    ["FP64", [1.5, -0, 0.1, 2n], float64(1.5, -0, 0.1, 2)],
    ["BYTES", ["a", "", "größe", 7, true], elements("a", "", "größe", "7", "true")],
  ];

  for (const [datatype, values, bytes] of ENCODED) {
    test(`has the bytes of ${datatype}, to the ends of its range`, () => {
      assert.equal(encode(datatype, values), bytes.toString("hex"));
    });
  }

  test("may be nested, and is row-major", () => {
    const nested = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    assert.equal(encode("INT32", nested, [2, 3]), int32(1, 2, 3, 4, 5, 6).toString("hex"));
  });

  test("takes NaN and the infinities by name, and null for NaN", () => {
    assert.equal(
      encode("FP64", ["NaN", "Infinity", "-Infinity", null]),
      float64(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN).toString("hex"),
    );
  });

  test("is refused when the shape holds another number of elements", () => {
    assert.throws(() => encode("INT32", [1, 2, 3], [2, 2]), idiomError("INVALID_REQUEST", "input 'x': shape [2,2] holds 4 elements, data has 3"));
  });

  test("is refused when the data type is not known", () => {
    assert.throws(() => encode("INT128", [1]), idiomError("INVALID_REQUEST", "input 'x': unknown datatype 'INT128'"));
  });

  const REFUSED: readonly [Datatype, JsonValue, string][] = [
    ["BOOL", 2, "2"],
    ["BOOL", "true", '"true"'],
    ["INT8", 128, "128"],
    ["INT8", -129, "-129"],
    ["UINT8", 256, "256"],
    ["UINT8", -1, "-1"],
    ["INT16", 32768, "32768"],
    ["UINT16", 65536, "65536"],
    ["INT32", 2147483648, "2147483648"],
    ["INT32", 1.5, "1.5"],
    ["INT32", "7", '"7"'],
    ["INT32", 9007199254740993n, "9007199254740993"],
    ["UINT32", 4294967296, "4294967296"],
    ["INT64", 9223372036854775808n, "9223372036854775808"],
    ["INT64", 2 ** 53, "9007199254740992"],
    ["INT64", "1e3", '"1e3"'],
    ["UINT64", -1, "-1"],
    ["UINT64", 18446744073709551616n, "18446744073709551616"],
    ["FP32", "1.5", '"1.5"'],
    ["FP64", true, "true"],
  ];

  for (const [datatype, value, shown] of REFUSED) {
    test(`is refused where ${typeof value} ${shown} is to be ${datatype}`, () => {
      assert.throws(() => encode(datatype, [value]), idiomError("INVALID_REQUEST", `input 'x': element 0 (${shown}) is no ${datatype}`));
    });
  }

  test("is refused where null is to be text", () => {
    assert.throws(() => encode("BYTES", ["a", null]), idiomError("INVALID_REQUEST", "input 'x': element 1 is no text"));
  });
});

describe("rounding to 16 bits goes to the nearest, ties to even, once", () => {
  const FP16: readonly [number, number][] = [
    [0.1, 0x2e66],
    [2049, 0x6800],
    [2051, 0x6802],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [2.9802323e-8, 0x0001],
    [1.00048828126, 0x3c01],
    [1.00048828125, 0x3c00],
    [-0, 0x8000],
  ];
  const BF16: readonly [number, number][] = [
    [0.1, 0x3dcd],
    [1.00390625, 0x3f80],
    [1.01171875, 0x3f82],
    [1.003906250000001, 0x3f81],
    [1.011718749999999, 0x3f81],
    [-1.003906250000001, 0xbf81],
    [3.3895313892515355e38, 0x7f7f],
    [3.4e38, 0x7f80],
    [1e39, 0x7f80],
    [Number.NEGATIVE_INFINITY, 0xff80],
    [Number.NaN, 0x7fc0],
    [9.183549615799121e-41, 0x0001],
    [-0, 0x8000],
  ];
  const bits = (hex: string): number => Buffer.from(hex, "hex").readUInt16LE();

  for (const [value, expected] of FP16) {
    test(`FP16 ${Object.is(value, -0) ? "-0" : value} is 0x${expected.toString(16)}`, () => {
      assert.equal(bits(encode("FP16", [value])), expected);
    });
  }

  for (const [value, expected] of BF16) {
    test(`BF16 ${Object.is(value, -0) ? "-0" : value} is 0x${expected.toString(16)}`, () => {
      assert.equal(bits(encode("BF16", [Number.isFinite(value) ? value : String(value)])), expected);
    });
  }
});

describe("a tensor to JSON", () => {
  test("is flat and keeps its shape", () => {
    assert.deepEqual(tensorToJson("y", tensor("INT32", [2, 2], int32(1, 2, 3, 4))), { name: "y", datatype: "INT32", shape: [2, 2], data: [1, 2, 3, 4] });
  });

  test("keeps every digit of 64-bit integers", () => {
    assert.deepEqual(decode("INT64", int64(-(2n ** 63n), 9007199254740993n, 5n), 3), [-9223372036854775808n, 9007199254740993n, 5]);
    assert.deepEqual(decode("UINT64", int64(-1n, 5n), 2), [18446744073709551615n, 5]);
  });

  test("names what JSON has no number for", () => {
    assert.deepEqual(decode("FP32", float32(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY), 3), ["NaN", "Infinity", "-Infinity"]);
  });

  const FP32: Record<string, number> = {
    "0.1": 0.1,
    "0.3": 0.3,
    "16777216": 2 ** 24,
    "1.0000001": 1.0000001192092896,
    "1013759040": 1013759040,
    "0.000121333826": 0.00012133382551837713,
    "3.4028235e+38": 3.4028234663852886e38,
    "1.1754944e-38": 1.1754943508222875e-38,
  };
  for (const [shortest, value] of Object.entries(FP32)) {
    test(`writes FP32 ${value} with the fewest digits that name it`, () => {
      assert.deepEqual(decode("FP32", float32(value), 1).map(String), [shortest]);
    });
  }

  test("writes 16-bit floats by their exact value", () => {
    assert.deepEqual(decode("FP16", Buffer.from([0x66, 0x2e, 0x00, 0x7e]), 2), [0.0999755859375, "NaN"]);
    assert.deepEqual(decode("BF16", Buffer.from([0x80, 0x3f, 0x80, 0xff]), 2), [1, "-Infinity"]);
  });

  test("reads small integers and truth values", () => {
    assert.deepEqual(decode("BOOL", Buffer.from([1, 0]), 2), [true, false]);
    assert.deepEqual(decode("INT8", Buffer.from([0x80]), 1), [-128]);
    assert.deepEqual(decode("UINT8", Buffer.from([0x80]), 1), [128]);
    assert.deepEqual(decode("INT16", Buffer.from([0x00, 0x80]), 1), [-32768]);
    assert.deepEqual(decode("UINT16", Buffer.from([0x00, 0x80]), 1), [32768]);
    assert.deepEqual(decode("UINT32", int32(-1), 1), [4294967295]);
  });

  test("reads views that are not aligned", () => {
    const data = Buffer.concat([Buffer.from([9]), float64(0.25)]).subarray(1);
    assert.deepEqual(decode("FP64", data, 1), [0.25]);
  });

  test("writes BYTES as text where all of them are UTF-8", () => {
    assert.deepEqual(tensorToJson("y", tensor("BYTES", [3], elements("a", "größe", "\u{feff}b"))), {
      name: "y",
      datatype: "BYTES",
      shape: [3],
      data: ["a", "größe", "\u{feff}b"],
    });
  });

  test("writes BYTES as base64, and says so, where one of them is not UTF-8", () => {
    assert.deepEqual(tensorToJson("y", tensor("BYTES", [2], elements("a", Buffer.from([0xff])))), {
      name: "y",
      datatype: "BYTES",
      shape: [2],
      parameters: { content_type: "base64" },
      data: ["YQ==", "/w=="],
    });
  });
});

test("BYTES elements are cut and joined without loss", () => {
  const parts = [Buffer.from("a"), Buffer.alloc(0), Buffer.from([0, 255])];
  const joined = joinBytesElements(parts);
  assert.deepEqual(joined, elements(...parts));
  assert.deepEqual(
    bytesElements(joined).map((part) => Buffer.from(part)),
    parts,
  );
});
