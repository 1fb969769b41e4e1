import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MAX_FRAME_BYTES } from "../../../../src/core/limits.ts";
import { encodeJsonFrame, type Frame, FrameDecoder, writeHeader } from "../../../../workers/instance/frame-codec.ts";
import { HEADER_BYTES, ProtocolViolation, parseJsonObject } from "../../../../workers/instance/protocol.ts";
import { decodeTensorBody } from "../../../../workers/instance/tensor-codec.ts";
import { type FrameVector, readForks, readFrames, readInvalid, type TensorBodyVector } from "../../../support/vectors.ts";

const { max_frame: MAX_FRAME } = readFrames();
const cases = [...readFrames().cases, ...readForks().cases];

/** Frames are views that live until the consumer returns, so each is kept as a copy. */
function decode(chunks: readonly Buffer[], maxFrame = MAX_FRAME): Frame[] {
  const frames: Frame[] = [];
  const decoder = new FrameDecoder(maxFrame, (frame) => frames.push({ ...frame, body: Buffer.from(frame.body) }));
  for (const chunk of chunks) decoder.push(chunk);
  return frames;
}

/** A decoded frame as the vectors describe one. */
function described({ type, id, body }: Frame): object {
  if (type !== "INFER" && type !== "RESULT") return { type, id, json: parseJsonObject(body) };
  const { rows, tensors, json } = decodeTensorBody(body);
  return {
    type,
    id,
    tensors: {
      segments: rows,
      tensors: tensors.map(({ index, datatype, shape, data }) => ({ index, datatype, shape, data: Buffer.from(data).toString("hex") })),
      errors: json === null ? null : (parseJsonObject(json) as { errors: object[] }).errors,
    },
  };
}

/** What the host keeps of a vector: ids as it counts them, and no content type, which only an INFER carries. */
function expected({ type, id, json, tensors }: FrameVector): object {
  return { type, id: Number(id), ...(tensors === undefined ? { json } : { tensors: withoutContentTypes(tensors) }) };
}

function withoutContentTypes(body: TensorBodyVector): object {
  return { ...body, tensors: body.tensors.map(({ index, datatype, shape, data }) => ({ index, datatype, shape, data })) };
}

describe("a decoder yields the frames of the vector", () => {
  for (const { name, chunks, frames } of cases) {
    test(name, () => {
      assert.deepEqual(decode(chunks.map((chunk) => Buffer.from(chunk, "hex"))).map(described), frames.map(expected));
    });
  }
});

describe("an encoder writes the bytes of the vector", () => {
  for (const { name, chunks, frames, encode } of cases) {
    const [frame] = frames;
    if (encode === false || frames.length !== 1 || frame?.json === undefined || !Number.isSafeInteger(Number(frame.id))) continue;
    const { type, id, json } = frame;
    test(name, () => {
      assert.equal(encodeJsonFrame(type, Number(id), json).toString("hex"), chunks.join(""));
    });
  }
});

test("ids beyond 32 bits are written whole", () => {
  const header = Buffer.alloc(HEADER_BYTES);
  writeHeader(header, "INFER", 2 ** 40 + 3, 0);
  assert.equal(header.readBigUInt64LE(8), 2n ** 40n + 3n);
});

describe("a decoder", () => {
  const ping = encodeJsonFrame("PING", 1, {});

  test("gives a frame that arrives whole as a view on what arrived", () => {
    const bodies: Buffer[] = [];
    new FrameDecoder(MAX_FRAME, (frame) => bodies.push(frame.body)).push(ping);
    assert.equal(bodies[0]?.buffer, ping.buffer);
  });

  test("takes a frame of exactly the limit", () => {
    assert.equal(decode([encodeJsonFrame("LOG", 0, { a: "x" })], Buffer.byteLength('{"a":"x"}')).length, 1);
  });

  test("refuses a frame one byte beyond the limit", () => {
    assert.throws(() => decode([encodeJsonFrame("LOG", 0, { a: "x" })], Buffer.byteLength('{"a":"x"}') - 1), ProtocolViolation);
  });

  test("refuses a frame beyond the limit before its body arrives, however its header is split", () => {
    const header = Buffer.alloc(HEADER_BYTES);
    writeHeader(header, "RESULT", 0, 0xffffffff);
    const pieces = [...header].map((byte) => Buffer.from([byte]));
    assert.throws(() => decode(pieces), new ProtocolViolation(`a frame of 4294967295 bytes is beyond the limit of ${MAX_FRAME}`));
  });

  test("refuses more of JSON than its frame has to say", () => {
    const header = Buffer.alloc(HEADER_BYTES);
    writeHeader(header, "LOG", 0, 64 * 1024 + 1);
    assert.throws(
      () => new FrameDecoder(64 * 2 ** 20, () => assert.fail()).push(header),
      new ProtocolViolation("a frame of 65537 bytes is beyond the limit of 65536"),
    );
  });

  test("delivers what came before a violation", () => {
    const seen: string[] = [];
    const decoder = new FrameDecoder(MAX_FRAME, (frame) => seen.push(frame.type));
    assert.throws(() => decoder.push(Buffer.concat([ping, Buffer.alloc(HEADER_BYTES, 0x7f)])), ProtocolViolation);
    assert.deepEqual(seen, ["PING"]);
  });

  test("lets the consumer's own errors through", () => {
    const decoder = new FrameDecoder(MAX_FRAME, () => {
      throw new RangeError("the consumer's");
    });
    assert.throws(() => decoder.push(ping), RangeError);
  });
});

test("the limit that the host sets is that of the vectors", () => {
  assert.equal(MAX_FRAME_BYTES, readInvalid().max_frame);
});

describe("reading is a violation for every receiver:", () => {
  for (const { name, receiver, stream } of readInvalid().violations) {
    if (receiver !== "any") continue;
    test(name, () => {
      assert.throws(() => decode([Buffer.from(stream, "hex")]).map((frame) => parseJsonObject(frame.body)), ProtocolViolation);
    });
  }
});
