import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ContentType } from "../../../../src/core/datatype.ts";
import type { Signature } from "../../../../src/core/signature.ts";
import type { Tensor } from "../../../../src/core/tensor.ts";
import { HEADER_BYTES, ProtocolViolation } from "../../../../workers/instance/protocol.ts";
import {
  decodeResult,
  decodeTensorBody,
  encodeInfer,
  OutputMismatch,
  type ResultBody,
  type Segment,
  splitOutputs,
  type TensorBody,
} from "../../../../workers/instance/tensor-codec.ts";
import { elements, float32, float64, int32 } from "../../../support/bytes.ts";
import { signature, spec, tensor } from "../../../support/specs.ts";
import { readFrames, readInvalid, type TensorBodyVector } from "../../../support/vectors.ts";

/** The segments that the host would send as the frame of a vector: each gets its rows of every tensor. */
function segmentsOf({ segments, tensors }: TensorBodyVector): Segment[] {
  const counted = segments.length > 1 || (segments[0] ?? 0) > 0;
  const offsets = tensors.map(() => 0);
  return segments.map((rows) => ({
    rows,
    inputs: tensors.map(({ datatype, shape, data, content_type: contentType }, t) => {
      const bytes = Buffer.from(data, "hex");
      const share = counted ? (bytes.length / (shape[0] as number)) * rows : bytes.length;
      const from = offsets[t] as number;
      offsets[t] = from + share;
      const own = segments.length === 1 ? shape : [rows, ...shape.slice(1)];
      return { datatype, contentType: contentType as ContentType | null, shape: own, data: bytes.subarray(from, from + share) };
    }),
  }));
}

const bodyOf = (frame: Buffer): Buffer => frame.subarray(HEADER_BYTES);
const rowsOf = (rows: number, ...inputs: Tensor[]): Segment => ({ rows, inputs });
const plain = ({ data, ...rest }: Tensor): object => ({ ...rest, data: Buffer.from(data) });

describe("an INFER has the bytes of the vector", () => {
  for (const { name, chunks, frames } of readFrames().cases) {
    const [frame] = frames;
    if (frames.length !== 1 || frame?.type !== "INFER" || frame.tensors === undefined) continue;
    const { id, tensors } = frame;
    test(name, () => {
      assert.equal(encodeInfer(Number(id), segmentsOf(tensors)).toString("hex"), chunks.join(""));
    });
  }
});

describe("a tensor body is a violation", () => {
  /** Only a harness minds these: the direction of the frame and of the JSON block. */
  const HARNESS_ONLY = ["result-to-harness", "json-block-in-infer"];

  for (const { name, receiver, stream, reason } of readInvalid().violations) {
    if (receiver !== "harness" || HARNESS_ONLY.includes(name)) continue;
    test(`${name}: ${reason}`, () => {
      assert.throws(() => decodeTensorBody(bodyOf(Buffer.from(stream, "hex"))), ProtocolViolation);
    });
  }

  test("when its JSON block is the only thing wrong with its length", () => {
    const body = Buffer.from(bodyOf(encodeInfer(1, [rowsOf(1, tensor("FP32", [1], float32(1)))])));
    body.writeUInt32LE(3, 12);
    assert.throws(() => decodeTensorBody(body), new ProtocolViolation("the body has 52 bytes, its parts 59"));
  });
});

describe("a merged frame", () => {
  const first = rowsOf(1, tensor("FP32", [1, 2], float32(1, 2)), tensor("BYTES", [1], elements("one")));
  const second = rowsOf(2, tensor("FP32", [2, 2], float32(3, 4, 5, 6)), tensor("BYTES", [2], elements("two", "")));
  const decoded = decodeTensorBody(bodyOf(encodeInfer(7, [first, second])));

  test("has the rows of each request and the requests' rows one after the other", () => {
    assert.deepEqual(decoded.rows, [1, 2]);
    assert.deepEqual(decoded.tensors.map(plain), [
      { index: 0, ...plain(tensor("FP32", [3, 2], float32(1, 2, 3, 4, 5, 6))) },
      { index: 1, ...plain(tensor("BYTES", [3], elements("one", "two", ""))) },
    ]);
  });

  test("is split into what each request sent", () => {
    const split = splitOutputs({ rows: decoded.rows, outputs: decoded.tensors, errors: [] });
    assert.deepEqual(
      split.map((tensors) => tensors.map(plain)),
      [first.inputs.map(plain), second.inputs.map(plain)],
    );
  });

  test("is split into views, not into copies", () => {
    const { rows, tensors } = decoded;
    const [[x]] = splitOutputs({ rows, outputs: tensors, errors: [] }) as [[Tensor]];
    assert.equal(x.data.buffer, tensors[0]?.data.buffer);
  });
});

describe("splitting outputs", () => {
  const split = (rows: number[], ...outputs: Tensor[]): object[][] => splitOutputs({ rows, outputs, errors: [] }).map((tensors) => tensors.map(plain));

  test("leaves a single segment as it is, scalars too", () => {
    assert.deepEqual(split([0], tensor("FP64", [], float64(2.5)), tensor("INT32", [2], int32(1, 2))), [
      [plain(tensor("FP64", [], float64(2.5))), plain(tensor("INT32", [2], int32(1, 2)))],
    ]);
  });

  test("gives a segment that failed an empty cut", () => {
    assert.deepEqual(split([1, 0, 1], tensor("INT32", [2], int32(1, 2)), tensor("BYTES", [2], elements("a", "b"))), [
      [plain(tensor("INT32", [1], int32(1))), plain(tensor("BYTES", [1], elements("a")))],
      [plain(tensor("INT32", [0], int32())), plain(tensor("BYTES", [0], elements()))],
      [plain(tensor("INT32", [1], int32(2))), plain(tensor("BYTES", [1], elements("b")))],
    ]);
  });

  test("counts every element of a row of BYTES", () => {
    assert.deepEqual(split([1, 1], tensor("BYTES", [2, 2], elements("a", "bb", "ccc", ""))), [
      [plain(tensor("BYTES", [1, 2], elements("a", "bb")))],
      [plain(tensor("BYTES", [1, 2], elements("ccc", "")))],
    ]);
  });

  test("manages rows without elements", () => {
    assert.deepEqual(split([1, 2], tensor("FP32", [3, 0], float32())), [
      [plain(tensor("FP32", [1, 0], float32()))],
      [plain(tensor("FP32", [2, 0], float32()))],
    ]);
  });
});

describe("a RESULT", () => {
  const SIGNATURE: Signature = signature([], [spec("y", "FP32", [-1, 2]), spec("label", "BYTES", [-1])]);
  const y = tensor("FP32", [3, 2], float32(1, 2, 3, 4, 5, 6));
  const label = tensor("BYTES", [3], elements("a", "b", "c"));
  const ASKED = [rowsOf(1), rowsOf(2)];

  /** The body of a RESULT with these outputs; `indices` where they stand in the signature, `errors` as its JSON block. */
  function result(rows: number[], outputs: Tensor[], { indices = [0, 1], errors = null as object[] | null } = {}): Buffer {
    const merged = rows.length === 1 ? [rowsOf(rows[0] as number, ...outputs)] : cut(rows, outputs);
    const body = Buffer.from(bodyOf(encodeInfer(1, merged)));
    let at = 16 + rows.length * 4;
    outputs.forEach((output, i) => {
      body.writeUInt32LE(indices[i] as number, at);
      at += 20 + output.shape.length * 4;
    });
    if (errors === null) return body;
    const block = Buffer.from(JSON.stringify({ errors }));
    body.writeUInt32LE(block.length, 12);
    return Buffer.concat([body, Buffer.alloc(-body.length & 7), block]);
  }

  function cut(rows: number[], outputs: Tensor[]): Segment[] {
    const split = splitOutputs({ rows, outputs, errors: [] });
    return rows.map((count, i) => rowsOf(count, ...(split[i] as Tensor[])));
  }

  const decode = (body: Buffer, asked = ASKED): ResultBody => decodeResult(body, SIGNATURE, asked);
  const failure = { segment: 1, row: 0, kind: "MODEL_ERROR", type: "ValueError", message: "negative", traceback: [] };

  test("gives the outputs in the order of the signature, whatever theirs was", () => {
    const decoded = decode(result([1, 2], [label, y], { indices: [1, 0] }));
    assert.deepEqual(
      decoded.outputs.map(({ datatype, shape }) => ({ datatype, shape })),
      [
        { datatype: "FP32", shape: [3, 2] },
        { datatype: "BYTES", shape: [3] },
      ],
    );
  });

  test("may leave out the rows of a segment that failed, with the reason", () => {
    const [ySecond, labelFirst] = [tensor("FP32", [1, 2], float32(1, 2)), tensor("BYTES", [1], elements("a"))];
    const decoded = decode(result([1, 0], [ySecond, labelFirst], { errors: [failure] }));
    assert.deepEqual({ rows: decoded.rows, errors: decoded.errors }, { rows: [1, 0], errors: [failure] });
  });

  const VIOLATIONS: readonly [what: string, body: Buffer, message: RegExp][] = [
    ["answers another number of segments", result([3], [y, label]), /^2 segments asked, 1 answered$/],
    ["answers other rows than were asked", result([2, 1], [y, label]), /^segment 0 has 2 rows, expected 1$/],
    ["leaves out rows without a reason", result([1, 0], [tensor("FP32", [1, 2], float32(1, 2)), tensor("BYTES", [1], elements("a"))]), /^segment 1 has 0 rows/],
    ["gives rows beside the reason why there are none", result([1, 2], [y, label], { errors: [failure] }), /^segment 1 has 2 rows, expected 0$/],
    ["has an output that is not in the signature", result([1, 2], [y, label], { indices: [0, 2] }), /^output 2 is unknown or there twice$/],
    ["has more outputs than the signature", result([1, 2], [y, label, y], { indices: [0, 1, 0] }), /^3 outputs, the signature has 2$/],
    [
      "has an output of more dimensions than there are",
      result([1, 2], [tensor("FP32", [3, ...new Array(64).fill(1)], float32(1, 2, 3)), label]),
      /^a tensor of 65 dimensions$/,
    ],
    ["has an output twice", result([1, 2], [y, y], { indices: [0, 0] }), /^output 0 is unknown or there twice$/],
    ["explains itself in other words than the protocol's", result([1, 2], [y, label], { errors: [{ segment: 1 }] }), /^RESULT errors: /],
  ];

  for (const [what, body, message] of VIOLATIONS) {
    test(`that ${what} is a violation`, () => {
      assert.throws(
        () => decode(body),
        (error: Error) => error instanceof ProtocolViolation && message.test(error.message),
      );
    });
  }

  const MISMATCHES: readonly [what: string, body: Buffer, message: string][] = [
    ["lacks an output", result([1, 2], [y]), "output 'label' is missing"],
    [
      "has an output of another data type",
      result([1, 2], [tensor("INT32", [3, 2], int32(1, 2, 3, 4, 5, 6)), label]),
      "output 'y' is INT32 [3,2], the signature says FP32 [-1,2]",
    ],
    [
      "has an output of another shape",
      result([1, 2], [tensor("FP32", [3, 1], float32(1, 2, 3)), label]),
      "output 'y' is FP32 [3,1], the signature says FP32 [-1,2]",
    ],
  ];

  for (const [what, body, message] of MISMATCHES) {
    test(`that ${what} is the model's mistake`, () => {
      assert.throws(() => decode(body), new OutputMismatch(message));
    });
  }
});

test("data are views on the body that was decoded", () => {
  const body = bodyOf(encodeInfer(1, [rowsOf(1, tensor("FP32", [1], float32(1)))]));
  const { tensors }: TensorBody = decodeTensorBody(body);
  assert.equal(tensors[0]?.data.buffer, body.buffer);
});
