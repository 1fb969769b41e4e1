// The vectors of frames.json. All tests of the Node harness: `node --test "runtimes/node/tests/*.test.mjs"` from the repository.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTENT_TYPES, codeOf, DATATYPE_NAMES, SIZE_BY_CODE } from "../harness/datatypes.mjs";
import { FrameDecoder, jsonFrame, readJson } from "../harness/frames.mjs";
import { readInfer } from "../harness/infer.mjs";
import { ResultTooLarge, ResultWriter } from "../harness/result.mjs";
import { frame, TYPE, vectors } from "./host.mjs";
import { decodeBody, encodeBody } from "./wire.mjs";

const { cases, max_frame } = vectors("frames.json");
const NAMES = new Map(Object.entries(TYPE).map(([name, code]) => [code, name]));

/** @param {string[]} chunks as hex @returns {import("../harness/frames.mjs").Frame[]} */
function decode(chunks) {
  /** @type {import("../harness/frames.mjs").Frame[]} */
  const frames = [];
  const decoder = new FrameDecoder((received) => frames.push(received));
  for (const chunk of chunks) {
    for (let rest = Buffer.from(chunk, "hex"); rest.length > 0; ) {
      const space = decoder.space();
      const count = rest.copy(space);
      rest = rest.subarray(count);
      decoder.received(count);
    }
  }
  return frames;
}

/** @param {{idLow: number, idHigh: number}} received */
function idOf({ idLow, idHigh }) {
  return String((BigInt(idHigh) << 32n) | BigInt(idLow));
}

/** @param {Buffer} body what the harness reads of an INFER */
function inferTensors(body) {
  const infer = readInfer(body);
  const tensors = infer.tensors.map(({ index, datatype: code, contentType, shape, offset, count, starts }) => {
    const datatype = DATATYPE_NAMES.find((name) => codeOf(name) === code);
    const end = starts === null ? offset + count * Number(SIZE_BY_CODE[code]) : starts[count];
    return { index, datatype, content_type: CONTENT_TYPES[contentType], shape, data: body.toString("hex", offset, end) };
  });
  return { segments: Array.from(infer.segments), tensors, errors: null };
}

/** @param {Buffer} body what the tests' host reads of a RESULT */
function resultTensors(body) {
  const { segments, tensors, errors } = decodeBody(body);
  return { segments, tensors: tensors.map((tensor) => ({ ...tensor, data: tensor.data.toString("hex") })), errors };
}

for (const { name, chunks, frames } of cases) {
  test(`decodes ${name}`, () => {
    const received = decode(chunks);
    assert.equal(received.length, frames.length);
    received.forEach((got, i) => {
      const wanted = frames[i];
      assert.equal(NAMES.get(got.type), wanted.type);
      assert.equal(idOf(got), wanted.id);
      if (wanted.json !== undefined) assert.deepEqual(readJson(got.body), wanted.json);
      else assert.deepEqual(wanted.type === "INFER" ? inferTensors(got.body) : resultTensors(got.body), wanted.tensors);
    });
  });
}

for (const { name, chunks, frames, encode } of cases) {
  if (encode === false || frames.length > 1) continue;
  const [{ type, id, json, tensors }] = frames;
  test(`encodes ${name}`, () => {
    const [idLow, idHigh] = [Number(BigInt(id) & 0xffffffffn), Number(BigInt(id) >> 32n)];
    const bytes = Buffer.from(chunks.join(""), "hex");
    if (json !== undefined) {
      const written = jsonFrame(TYPE[type], json, idLow, idHigh);
      assert.equal(written.toString("hex", 4, 16), bytes.toString("hex", 4, 16));
      assert.equal(written.readUInt32LE(0), written.length - 16);
      assert.deepEqual(JSON.parse(written.toString("utf8", 16)), json);
      return;
    }
    const parts = tensors.tensors.map((/** @type {any} */ tensor) => ({ ...tensor, data: Buffer.from(tensor.data, "hex") }));
    if (type === "INFER") {
      assert.equal(frame(TYPE.INFER, encodeBody({ ...tensors, tensors: parts }), BigInt(id)).toString("hex"), bytes.toString("hex"));
      return;
    }
    const ordered = parts.toSorted((/** @type {any} */ a, /** @type {any} */ b) => a.index - b.index);
    const writer = new ResultWriter();
    const outputs = ordered.map((/** @type {any} */ part) => ({ datatype: codeOf(part.datatype), shape: part.shape, bytes: part.data }));
    writer.memory.fill(0xff);
    writer.write(idLow, idHigh, { outputs, segments: tensors.segments, errors: tensors.errors }, max_frame);
    const written = writer.memory.subarray(0, writer.length);
    // The harness answers in the order of the signature, whatever the vector's order.
    if (ordered.every((/** @type {any} */ part, /** @type {number} */ i) => part === parts[i])) assert.equal(written.toString("hex"), bytes.toString("hex"));
    else
      assert.deepEqual(
        resultTensors(written.subarray(16)).tensors,
        ordered.map((/** @type {any} */ part) => ({ ...part, data: part.data.toString("hex") })),
      );
  });
}

test("an answer beyond the limit is refused before memory is taken", () => {
  const outputs = [{ datatype: 1, shape: [64], bytes: new Uint8Array(64) }];
  assert.throws(() => new ResultWriter().write(1, 0, { outputs, segments: [64], errors: null }, 64), ResultTooLarge);
});

test("an answer larger than the reused memory is written whole", () => {
  const bytes = new Uint8Array(100_001).fill(7);
  const writer = new ResultWriter();
  writer.write(1, 0, { outputs: [{ datatype: 2, shape: [100_001], bytes }], segments: [0], errors: null }, max_frame);
  assert.deepEqual(decodeBody(writer.memory.subarray(16, writer.length)).tensors[0].data, Buffer.from(bytes));
});

test("a body is memory of its own, so that the model may keep it", () => {
  const message = Buffer.concat([frame(TYPE.PING, Buffer.from("{}"), 1n), frame(TYPE.PING, Buffer.from("{ }"), 2n)]);
  const [first, second] = decode([message.toString("hex")]);
  assert.equal(first.body.byteOffset, 0);
  assert.notEqual(first.body.buffer, second.body.buffer);
});
