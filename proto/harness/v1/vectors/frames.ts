// frames.json: whole, split and coalesced frames of every type on the transport. forks.json: those of the control channel.
import {
  bytesElements,
  type Datatype,
  DEFAULT_MAX_FRAME,
  doubles,
  floats,
  ints,
  type Json,
  jsonFrame,
  type TensorBody,
  TYPES,
  type TypeName,
  tensor,
  tensorFrame,
} from "./encoding.ts";

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

const FORKS: typeof CONTROL = [
  ["fork", "FORK", {}, 7n],
  ["forked-first", "FORKED", { pid: 3, pipes: { input: null, output: null, stdout: 8, stderr: 10 } }, 0n],
  ["forked", "FORKED", { pid: 43, pipes: { input: 8, output: 9, stdout: 11, stderr: 13 } }, 7n],
  ["taken", "TAKEN", {}, 7n],
  ["exited-by-signal", "EXITED", { pid: 43, code: null, signal: 9 }, 0n],
  ["exited-by-itself", "EXITED", { pid: 43, code: 3, signal: null }, 0n],
  ["no-fork", "FAILED", { kind: "NO_FORK", type: null, message: "the model runs threads of its own once it is loaded", traceback: [] }, 0n],
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

const controlCases = (vectors: typeof CONTROL): Json[] =>
  vectors.map((c) => ({ name: c[0], chunks: [jsonFrame(c[1], c[2], c[3]).toString("hex")], frames: [expectedJson(c) as unknown as Json] }));

const DESCRIPTION =
  "Feed `chunks` to a decoder one after the other: it yields `frames`. Encoding `frames` yields the joined chunks; for JSON bodies compare the parsed JSON instead of its bytes. ids are decimal strings, data is hex.";

export function forksFile(): Json {
  return { description: `For harnesses that fork. ${DESCRIPTION}`, max_frame: DEFAULT_MAX_FRAME, cases: controlCases(FORKS) };
}

export function framesFile(): Json {
  const tensors = TENSORS.map((t) => ({ name: t[0], chunks: [tensorFrame(t[1], t[2], t[3]).toString("hex")], frames: [expectedTensor(t)] }));
  const all = [
    ...CONTROL.map((c) => ({ bytes: jsonFrame(c[1], c[2], c[3]), expected: expectedJson(c) as unknown as Json })),
    ...TENSORS.map((t) => ({ bytes: tensorFrame(t[1], t[2], t[3]), expected: expectedTensor(t) })),
  ];
  const stream = Buffer.concat(all.map((f) => f.bytes));
  const expected = all.map((f) => f.expected);
  return {
    description: DESCRIPTION,
    max_frame: DEFAULT_MAX_FRAME,
    cases: [
      ...controlCases(CONTROL),
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
