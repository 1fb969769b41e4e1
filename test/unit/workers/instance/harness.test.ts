import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { Signature } from "../../../../src/core/signature.ts";
import { encodeJsonFrame, writeHeader } from "../../../../workers/instance/frame-codec.ts";
import { describeExit, type FrameOutcome } from "../../../../workers/instance/harness.ts";
import { type FrameName, HEADER_BYTES } from "../../../../workers/instance/protocol.ts";
import { encodeInfer, type Segment } from "../../../../workers/instance/tensor-codec.ts";
import { float32, float64 } from "../../../support/bytes.ts";
import { HarnessPeer } from "../../../support/harness-peer.ts";
import { signature, spec, tensor } from "../../../support/specs.ts";
import { readFrames, readInvalid } from "../../../support/vectors.ts";

const SIGNATURE: Signature = signature([spec("x", "FP64", [-1])], [spec("y", "FP64", [-1])]);
const ONE_ROW: readonly Segment[] = [{ rows: 1, inputs: [tensor("FP64", [1], float64(1))] }];
const TWO_ROWS: readonly Segment[] = [{ rows: 2, inputs: [tensor("FP64", [2], float64(1, 2))] }];
const FAILURE = { kind: "MODEL_ERROR", type: "ValueError", message: "no", traceback: [], segment: null, row: null };

/** A RESULT that answers one row with `value`. */
function result(id: number, data = tensor("FP64", [1], float64(7))): Buffer {
  const frame = encodeInfer(id, [{ rows: 1, inputs: [data] }]);
  writeHeader(frame, "RESULT", id, frame.length - HEADER_BYTES);
  return frame;
}

async function bound(t: TestContext, softCancel?: "frame" | "signal"): Promise<HarnessPeer> {
  const peer = await HarnessPeer.open(t, softCancel);
  peer.harness.bind(SIGNATURE);
  await peer.nextFrame();
  return peer;
}

/** Brings the frame with this id in flight; those before it are answered. */
async function inFlight(peer: HarnessPeer, id: number, segments = ONE_ROW): Promise<{ outcome: Promise<FrameOutcome> }> {
  for (let earlier = 1; earlier < id; earlier++) {
    const { outcome } = await peer.receives(ONE_ROW);
    peer.write(result(earlier));
    await outcome;
  }
  return peer.receives(segments);
}

describe("the host hears what a harness says:", () => {
  const alone = readFrames().cases.filter(({ frames }) => frames.length === 1);
  const vectorOf = (type: FrameName): { bytes: Buffer; json: object | undefined } => {
    const vector = alone.find(({ frames }) => frames[0]?.type === type);
    assert.ok(vector !== undefined);
    return { bytes: Buffer.from(vector.chunks.join(""), "hex"), json: vector.frames[0]?.json };
  };
  /** What each frame is heard as, and the frames that come before it. */
  const heard = [
    ["HELLO", "hello", []],
    ["LOADED", "loaded", ["HELLO"]],
    ["READY", "ready", ["HELLO", "LOADED"]],
    ["FAILED", "loadFailed", ["HELLO"]],
    ["LOG", "log", []],
  ] as const;

  for (const [type, event, before] of heard) {
    test(type, async (t) => {
      const peer = await HarnessPeer.open(t);
      const { bytes, json } = vectorOf(type);
      assert.deepEqual(await peer.says(Buffer.concat([...before.map((earlier) => vectorOf(earlier).bytes), bytes]), event), json);
    });
  }

  test("BYE, once it has been asked to leave, and the next frame is heard", async (t) => {
    const peer = await HarnessPeer.open(t);
    peer.harness.drain();
    const bytes = Buffer.concat([encodeJsonFrame("BYE", 0, {}), encodeJsonFrame("LOG", 0, { level: "info", message: "hi" })]);
    assert.deepEqual(await peer.says(bytes, "log"), { level: "info", message: "hi" });
  });
});

describe("a harness hears what the host says:", () => {
  test("BIND, with every field of every tensor", async (t) => {
    const peer = await HarnessPeer.open(t);
    peer.harness.bind(signature([spec("x", "BYTES", [-1], { contentType: "str", na: "", levels: ["a"] })], [spec("y", "FP64", [-1, 3])]));
    assert.deepEqual(JSON.parse((await peer.nextFrame()).body.toString()), {
      inputs: [{ name: "x", datatype: "BYTES", shape: [-1], content_type: "str", na: "", levels: ["a"] }],
      outputs: [{ name: "y", datatype: "FP64", shape: [-1, 3], content_type: null, na: null, levels: null }],
    });
  });

  test("INIT", async (t) => {
    const peer = await HarnessPeer.open(t);
    const body = {
      model: "m",
      version: "1",
      instance: "m/1#1",
      folder: "/m",
      entry: null,
      per: "batch",
      content_type: null,
      libraries: ["/lib"],
      max_frame: 100,
    } as const;
    peer.harness.init(body);
    const { type, id, body: sent } = await peer.nextFrame();
    assert.deepEqual([type, id, JSON.parse(sent.toString())], ["INIT", 0, body]);
  });

  test("DRAIN", async (t) => {
    const peer = await HarnessPeer.open(t);
    peer.harness.drain();
    assert.equal((await peer.nextFrame()).type, "DRAIN");
  });

  test("INFER, with ids that count up", async (t) => {
    const peer = await bound(t);
    const ids: number[] = [];
    for (let i = 1; i <= 3; i++) {
      const { frame, outcome } = await peer.receives(ONE_ROW);
      ids.push(frame.id);
      peer.write(result(frame.id));
      await outcome;
    }
    assert.deepEqual(ids, [1, 2, 3]);
  });
});

describe("a frame in flight ends", () => {
  test("with its result", async (t) => {
    const peer = await bound(t);
    const { outcome } = await peer.receives(ONE_ROW);
    peer.write(result(1));
    const ended = await outcome;
    assert.ok(ended.kind === "result");
    assert.deepEqual(Buffer.from(ended.result.outputs[0]?.data as Uint8Array), float64(7));
  });

  test("with the harness's error", async (t) => {
    const peer = await bound(t);
    const { outcome } = await peer.receives(ONE_ROW);
    peer.write(encodeJsonFrame("ERROR", 1, FAILURE));
    assert.deepEqual(await outcome, { kind: "failed", failure: FAILURE });
  });

  test("as the model's mistake when its output does not fit the signature", async (t) => {
    const peer = await bound(t);
    const { outcome } = await peer.receives(ONE_ROW);
    peer.write(result(1, tensor("FP32", [1], float32(7))));
    assert.deepEqual(await outcome, {
      kind: "failed",
      failure: { kind: "INVALID_OUTPUT", type: null, message: "output 'y' is FP32 [1], the signature says FP64 [-1]", traceback: [] },
    });
  });

  test("with the process, and says how that ended", async (t) => {
    const peer = await bound(t);
    const { outcome } = await peer.receives(ONE_ROW);
    await peer.exit({ code: 3, signal: null });
    assert.deepEqual(await outcome, { kind: "died", reason: "the process exited with status 3", blame: "model", code: "INSTANCE_DIED" });
  });

  test("with the host's reason when the host killed the process", async (t) => {
    const peer = await bound(t);
    const { outcome } = await peer.receives(ONE_ROW);
    peer.harness.kill("killed: too slow");
    assert.deepEqual(await outcome, { kind: "died", reason: "killed: too slow", blame: "host", code: "INSTANCE_DIED" });
  });

  test("before the exit is told", async (t) => {
    const peer = await bound(t);
    const order: string[] = [];
    peer.heard.once("exited", () => order.push("exited"));
    peer.harness.infer(ONE_ROW, ({ kind }) => order.push(kind));
    await peer.exit({ code: 0, signal: null });
    assert.deepEqual(order, ["died", "exited"]);
  });
});

test("only one frame is in flight at a time", async (t) => {
  const peer = await bound(t);
  await peer.receives(ONE_ROW);
  assert.throws(() => peer.harness.infer(ONE_ROW, () => {}), /in flight already/);
});

describe("asking a model to stop", () => {
  test("names the frame in flight where the harness reads while the model runs", async (t) => {
    const peer = await bound(t, "frame");
    await inFlight(peer, 2);
    peer.harness.cancel("deadline");
    const { type, id, body } = await peer.nextFrame();
    assert.deepEqual([type, id, JSON.parse(body.toString())], ["CANCEL", 2, { reason: "deadline" }]);
  });

  test("is SIGINT where the harness is busy with the model", async (t) => {
    const peer = await bound(t, "signal");
    await inFlight(peer, 1);
    peer.harness.cancel("cancelled");
    assert.deepEqual(peer.signals, ["SIGINT"]);
  });

  test("does nothing while nothing is in flight", async (t) => {
    const peer = await bound(t, "signal");
    peer.harness.cancel("cancelled");
    assert.deepEqual(peer.signals, []);
  });
});

describe("a harness that breaks the protocol is killed, blamed and named:", () => {
  const REASONS: Record<string, RegExp> = {
    "infer-to-host": /INFER does not go to the host/,
    "json-block-beyond-body": /the body has \d+ bytes, its parts/,
    "bytes-element-beyond-tensor-in-result": /the elements do not fill the tensor/,
    "bytes-too-few-elements-in-result": /the elements do not fill the tensor/,
    "bytes-too-many-elements-in-result": /the elements do not fill the tensor/,
    "bytes-torn-length-in-result": /the elements do not fill the tensor/,
  };

  test("every violation of a host that the vectors list is tested here", () => {
    const listed = readInvalid().violations.filter(({ receiver }) => receiver === "host");
    assert.deepEqual(listed.map(({ name }) => name).sort(), Object.keys(REASONS).sort());
  });

  for (const { name, receiver, stream } of readInvalid().violations) {
    if (receiver !== "host") continue;
    test(name, async (t) => {
      const peer = await bound(t);
      const { outcome } = await inFlight(peer, 1, TWO_ROWS);
      await peer.says(Buffer.from(stream, "hex"), "violation");
      const ended = await outcome;
      assert.ok(ended.kind === "died");
      assert.match(ended.reason, REASONS[name] as RegExp);
      assert.deepEqual([peer.harness.killed?.blame, peer.signals], ["model", ["SIGKILL"]]);
    });
  }

  for (const { name, in_flight: running, stream } of readInvalid().stale) {
    test(`stale ${name}`, async (t) => {
      const peer = await bound(t);
      if (running !== null) await inFlight(peer, Number(running));
      assert.match(String(await peer.says(Buffer.from(stream, "hex"), "violation")), /^protocol violation: stale answer \d+, in flight is (nothing|\d+)$/);
      assert.deepEqual(peer.signals, ["SIGKILL"]);
    });
  }

  test("another version of the protocol", async (t) => {
    const peer = await HarnessPeer.open(t);
    const hello = { protocol: 2, language: "python", language_version: "3", pid: 1, features: [] };
    assert.equal(await peer.says(encodeJsonFrame("HELLO", 0, hello), "violation"), "protocol violation: protocol version 2, the host speaks 1");
  });

  test("a body that lacks a field", async (t) => {
    const peer = await HarnessPeer.open(t);
    assert.match(String(await peer.says(encodeJsonFrame("HELLO", 0, { protocol: 1 }), "violation")), /^protocol violation: HELLO: .*language/);
  });

  for (const type of ["PONG", "BYE"] as const) {
    test(`${type} that nobody has asked for`, async (t) => {
      const peer = await HarnessPeer.open(t);
      assert.equal(await peer.says(encodeJsonFrame(type, 0, {}), "violation"), `protocol violation: nobody has asked for a ${type}`);
    });
  }

  test("and is not listened to any more", async (t) => {
    const peer = await HarnessPeer.open(t);
    const bytes = Buffer.concat([encodeJsonFrame("DRAIN", 0, {}), encodeJsonFrame("LOG", 0, { level: "info", message: "still here" })]);
    let logged = false;
    peer.heard.once("log", () => {
      logged = true;
    });
    await peer.says(bytes, "exited");
    assert.equal(logged, false);
  });
});

describe("how a process ended is said in words:", () => {
  test("by its status", () => {
    assert.equal(describeExit({ code: 70, signal: null }), "the process exited with status 70");
  });

  test("by the signal that ended it", () => {
    assert.equal(describeExit({ code: null, signal: "SIGSEGV" }), "the process was ended by SIGSEGV");
  });
});
