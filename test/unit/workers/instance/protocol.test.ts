import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type HarnessFrame,
  hintFromWire,
  ProtocolViolation,
  parseBody,
  parseJsonObject,
  parseRowErrors,
  specToWire,
} from "../../../../workers/instance/protocol.ts";
import { hint, spec } from "../../../support/specs.ts";

const HINT = { name: "x", datatype: "FP32", shape: [-1, 4], content_type: "np", na: 0, levels: ["a"] };
const UNKNOWN = { name: "x", datatype: null, shape: null, content_type: null, na: null, levels: null };

/** A body of every frame that a harness may send. */
const BODIES: Record<HarnessFrame, object> = {
  HELLO: { protocol: 1, language: "r", language_version: "4.2.2", pid: 7, features: [] },
  LOADED: { entry: "model.R:predict", hints: { inputs: [HINT, UNKNOWN], outputs: null }, artifact: null },
  READY: { convention: "frame" },
  FAILED: { kind: "LOAD_FAILED", type: null, message: "no", traceback: ["model.R:3"] },
  LOG: { level: "warn", message: "slow" },
  PONG: {},
  BYE: {},
  ERROR: { kind: "MODEL_ERROR", type: "simpleError", message: "no", traceback: [], segment: 1, row: null },
  FORKED: { pid: 7, pipes: { input: null, output: 9, stdout: 10, stderr: 11 } },
  EXITED: { pid: 7, code: null, signal: 9 },
};

const bytes = (json: unknown): Buffer => Buffer.from(JSON.stringify(json));
const violation = (message: RegExp) => (error: Error) => error instanceof ProtocolViolation && message.test(error.message);

for (const [name, body] of Object.entries(BODIES) as [HarnessFrame, object][]) {
  describe(`the body of ${name}`, () => {
    test("is taken as it is", () => {
      assert.deepEqual(parseBody(name, bytes(body)), body);
    });

    test("may have keys that this version does not know", () => {
      assert.deepEqual(parseBody(name, bytes({ ...body, since: "version 2" })), body);
    });

    for (const key of Object.keys(body)) {
      test(`is a violation without ${key}`, () => {
        assert.throws(() => parseBody(name, bytes({ ...body, [key]: undefined })), violation(new RegExp(`^${name}: .*${key}`)));
      });
    }
  });
}

describe("a tensor that a harness describes is a violation with", () => {
  const WRONG: Record<string, object> = {
    "an unknown data type": { datatype: "FLOAT" },
    "a dimension below -1": { shape: [-2] },
    "a dimension that is no integer": { shape: [1.5] },
    "an unknown content type": { content_type: "csv" },
    "no name": { name: null },
  };

  for (const [what, change] of Object.entries(WRONG)) {
    test(what, () => {
      const body = { ...BODIES.LOADED, hints: { inputs: [{ ...HINT, ...change }], outputs: null } };
      assert.throws(() => parseBody("LOADED", bytes(body)), violation(/^LOADED: /));
    });
  }
});

describe("a JSON body is a violation when it is", () => {
  const WRONG: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    "cut off": Buffer.from('{"level": "info"'),
    "a list": Buffer.from("[]"),
    "a number": Buffer.from("7"),
    null: Buffer.from("null"),
    "no UTF-8": Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  };

  for (const [what, body] of Object.entries(WRONG)) {
    test(what, () => {
      assert.throws(() => parseJsonObject(body), violation(/^the body is no JSON/));
    });
  }
});

describe("the errors of single rows", () => {
  const ERROR = { segment: 2, row: 0, kind: "MODEL_ERROR", type: null, message: "no", traceback: [] };

  test("are taken as they are", () => {
    assert.deepEqual(parseRowErrors(bytes({ errors: [ERROR] }), 1), [ERROR]);
  });

  test("are a violation where there are more than segments", () => {
    assert.throws(() => parseRowErrors(bytes({ errors: [ERROR, ERROR] }), 1), violation(/^RESULT errors: .*2 elements, at most 1 are possible/));
  });

  test("are a violation without the segment or with a negative one", () => {
    for (const segment of [undefined, null, -1])
      assert.throws(() => parseRowErrors(bytes({ errors: [{ ...ERROR, segment }] }), 1), violation(/^RESULT errors: /));
  });
});

test("of an array with many wrong elements the first is told", () => {
  const hints = { inputs: new Array(60_000).fill(0), outputs: null };
  const told = (): unknown => parseBody("LOADED", bytes({ entry: "m:f", hints, artifact: null }));
  assert.throws(told, violation(/^LOADED: .{0,200}inputs\[0\]$/));
});

test("a shape has as many dimensions as NumPy knows", () => {
  const x = { name: "x", datatype: "FP64", shape: new Array(65).fill(1), content_type: null, na: null, levels: null };
  const told = (): unknown => parseBody("LOADED", bytes({ entry: "m:f", hints: { inputs: [x], outputs: null }, artifact: null }));
  assert.throws(told, violation(/^LOADED: .*65 elements, at most 64 are possible/));
});

test("a tensor keeps every field on its way to a harness and back", () => {
  const full = spec("x", "BYTES", [-1], { contentType: "str", na: "", levels: ["a", "b"] });
  assert.deepEqual(hintFromWire(specToWire(full) as Parameters<typeof hintFromWire>[0]), full);
  assert.deepEqual(hintFromWire(UNKNOWN as Parameters<typeof hintFromWire>[0]), hint("x"));
});
