import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Bundle, decodeBundle, decodeReplies, encodeBundle, encodeReplies, type Reply, WireError } from "../../../../src/lanes/realtime/wire.ts";
import { elements, float64, int32 } from "../../../support/bytes.ts";
import { tensor } from "../../../support/specs.ts";

const BUNDLE: Bundle = {
  gateway: "host-1-ä",
  id: 2 ** 40,
  versionKey: "m/1",
  digest: "d".repeat(64),
  requests: [
    {
      sequence: 2 ** 50,
      attempt: 2,
      alone: true,
      priority: 0,
      deadline: 1_700_000_000_000.25,
      rows: 3,
      mergeKey: "kéy",
      inputs: [tensor("INT32", [3], int32(1, -2, 3)), { ...tensor("BYTES", [3, 1], elements("a", "", "ü")), contentType: "str" }],
    },
    { sequence: 7, attempt: 1, alone: false, priority: 2, deadline: 0, rows: 0, mergeKey: "", inputs: [tensor("FP64", [], float64(Number.NaN))] },
    { sequence: 8, attempt: 1, alone: false, priority: 1, deadline: 5, rows: 0, mergeKey: "", inputs: [] },
  ],
};

const REPLIES: readonly Reply[] = [
  { kind: "claim", bundle: 12, node: "host-2" },
  { kind: "returned", bundle: 2 ** 40 },
  {
    kind: "result",
    sequence: 2 ** 50,
    attempt: 2,
    queueMs: 0.25,
    computeMs: 1e9,
    outputs: [tensor("INT32", [0, 4], Buffer.alloc(0)), tensor("BOOL", [1], Buffer.of(1))],
  },
  { kind: "error", sequence: 8, attempt: 1, code: "MODEL_ERROR", message: "ValueError: größer als 5\n  line 3" },
];

describe("what is encoded comes back as it was", () => {
  test("a bundle", () => assert.deepEqual(decodeBundle(encodeBundle(BUNDLE)), BUNDLE));

  test("replies of each kind", () => assert.deepEqual(decodeReplies(encodeReplies(REPLIES)), REPLIES));

  test("no replies", () => assert.deepEqual(decodeReplies(encodeReplies([])), []));

  test("a tensor larger than the first piece of memory", () => {
    const large = tensor("UINT8", [100_000], Buffer.alloc(100_000, 7));
    const bundle: Bundle = { ...BUNDLE, requests: BUNDLE.requests.map((request) => ({ ...request, inputs: [large, large] })) };
    assert.deepEqual(decodeBundle(encodeBundle(bundle)), bundle);
  });
});

const FORMS = [
  { name: "a bundle", bytes: encodeBundle(BUNDLE), decode: (bytes: Buffer): unknown => decodeBundle(bytes) },
  { name: "replies", bytes: encodeReplies(REPLIES), decode: (bytes: Buffer): unknown => decodeReplies(bytes) },
];

for (const { name, bytes, decode } of FORMS) {
  describe(`bytes that are no longer ${name}`, () => {
    test("cut off anywhere, end in a WireError", () => {
      for (let end = 0; end < bytes.length; end++) assert.throws(() => decode(bytes.subarray(0, end)), WireError, `cut at ${end}`);
    });

    test("with bytes behind the end, end in a WireError", () => {
      assert.throws(() => decode(Buffer.concat([bytes, Buffer.of(0)])), new WireError("1 bytes too many"));
    });

    test("of another format, say so", () => {
      assert.throws(() => decode(Buffer.concat([Buffer.of(2), bytes.subarray(1)])), /another format; do all nodes run the same version/);
    });

    test("with any one byte changed, decode or end in a WireError, and in nothing else", () => {
      for (let at = 0; at < bytes.length; at++) {
        for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
          const hostile = Buffer.from(bytes);
          hostile[at] = value;
          assertDecodesOrWireError(hostile, decode);
        }
      }
    });

    test("with any four bytes a length of 4 GiB, decode or end in a WireError, and in nothing else", () => {
      for (let at = 0; at + 4 <= bytes.length; at++) {
        const hostile = Buffer.from(bytes);
        hostile.writeUInt32LE(2 ** 32 - 1, at);
        assertDecodesOrWireError(hostile, decode);
      }
    });

    test("that are noise, decode or end in a WireError, and in nothing else", () => {
      let state = 42;
      const nextByte = (): number => {
        state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
        return state >> 16;
      };
      for (let round = 0; round < 500; round++) {
        const noise = Buffer.from(Array.from({ length: round % 97 }, nextByte));
        if (noise.length > 0) noise[0] = 1;
        assertDecodesOrWireError(noise, decode);
      }
    });
  });
}

test("a deadline that is no time is no bundle", () => {
  const endless: Bundle = { ...BUNDLE, requests: BUNDLE.requests.map((request) => ({ ...request, deadline: Number.NaN })) };
  assert.throws(() => decodeBundle(encodeBundle(endless)), WireError);
});

function assertDecodesOrWireError(bytes: Buffer, decode: (bytes: Buffer) => unknown): void {
  try {
    decode(bytes);
  } catch (error) {
    assert.ok(error instanceof WireError, `${(error as Error).stack} for ${bytes.toString("hex")}`);
  }
}
