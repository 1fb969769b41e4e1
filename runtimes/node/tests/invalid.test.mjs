// The vectors of invalid.json that a harness receives, each to a real process: FAILED with kind PROTOCOL, then exit 70.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { frame, modelFolder, ready, spec, TYPE, vectors } from "./host.mjs";
import { encodeBody, raw } from "./wire.mjs";

const MODEL = { "model.mjs": "export default ({ x }) => ({ y: x });" };
const { violations } = vectors("invalid.json");

/** @param {import("node:test").TestContext} t @param {string} [datatype] */
async function bound(t, datatype = "FP32") {
  const shape = datatype === "BYTES" ? [-1] : [-1, 2];
  const { host } = await ready(t, modelFolder(t, MODEL), [spec("x", datatype, shape)], [spec("y", datatype, shape)]);
  return host;
}

/** @param {import("./host.mjs").Host} host @param {Buffer} stream */
async function assertViolation(host, stream) {
  host.socket.write(stream);
  const failed = (await host.expect("FAILED")).json;
  assert.equal(failed.kind, "PROTOCOL");
  assert.equal(typeof failed.message, "string");
  assert.deepEqual(failed.traceback, []);
  assert.equal(await host.exited, 70);
}

describe("violations", { concurrency: 4 }, () => {
  for (const { name, receiver, stream } of violations) {
    if (receiver === "host") continue;
    test(name, async (t) => assertViolation(await bound(t, name.startsWith("bytes-") ? "BYTES" : "FP32"), Buffer.from(stream, "hex")));
  }

  const tensor = { index: 0, datatype: "FP32", shape: [1, 2], data: raw(Float32Array.of(1, 2)) };
  for (const [name, tensors, id] of /** @type {[string, import("./wire.mjs").WireTensor[], bigint][]} */ ([
    ["an index beyond the signature", [{ ...tensor, index: 1 }], 1n],
    ["an input twice", [tensor, tensor], 1n],
    ["an input missing", [], 1n],
    ["another data type than the signature's", [{ ...tensor, datatype: "INT32" }], 1n],
    ["an INFER with the id 0", [tensor], 0n],
  ])) {
    test(name, async (t) => assertViolation(await bound(t), frame(TYPE.INFER, encodeBody({ segments: [1], tensors }), id)));
  }

  test("a second INIT", async (t) => assertViolation(await bound(t), frame(TYPE.INIT, Buffer.from("{}"), 0n)));
  test("a second BIND", async (t) => assertViolation(await bound(t), frame(TYPE.BIND, Buffer.from("{}"), 0n)));

  test("a length beyond the limit that INIT gave", async (t) => {
    const { host } = await ready(t, modelFolder(t, MODEL), [spec("x", "FP32")], [spec("y", "FP32")], { max_frame: 4096 });
    await assertViolation(host, frame(TYPE.PING, Buffer.alloc(4097), 0n));
  });
});
