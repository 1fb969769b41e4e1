// invalid.json: what a receiver must refuse.
import {
  bytesElements,
  DEFAULT_MAX_FRAME,
  doubles,
  floats,
  frame,
  type Json,
  jsonFrame,
  type TensorBody,
  type TensorBodyWords,
  TYPES,
  tensor,
  tensorFrame,
  words,
} from "./encoding.ts";

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

export function invalidFile(): Json {
  return {
    description:
      "violations: reading `stream` is a protocol violation for `receiver` (any: both). stale: the host has `in_flight` in flight (null: nothing) and reading `stream` ends the instance.",
    max_frame: DEFAULT_MAX_FRAME,
    violations: INVALID.map((c) => ({ ...c, stream: c.stream.toString("hex") })),
    stale: STALE.map((c) => ({ ...c, stream: c.stream.toString("hex") })),
  };
}
