// Large and compressed messages.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { compressionAlgorithms, status } from "@grpc/grpc-js";
import { Client, errorCode, failureOf, inferRequest } from "../support/client.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";
import { assertSameTensor, rawTensor, type SentTensor } from "../support/tensors.ts";

const MAX_MESSAGE_BYTES = 64 * 2 ** 20;
/** What is left of a frame between host and runtime, as long as a message, beside its header. */
const MAX_TENSOR_BYTES = 63 * 2 ** 20;
const ECHO = {
  "model.yaml": "inputs: [{name: x, datatype: UINT8, shape: [-1]}]\noutputs: [{name: y, datatype: UINT8, shape: [-1]}]\n",
  "model.mjs": "export default ({ x }) => ({ y: x });\n",
};

/** Bytes that differ from their neighbours, so that a lost or moved piece shows. */
function bytes(count: number): SentTensor {
  const data = Buffer.alloc(count);
  for (let at = 0; at + 4 <= count; at += 4) data.writeUInt32LE((at * 2_654_435_761) % 2 ** 32, at);
  return rawTensor("x", "UINT8", [count], data);
}

describe("messages", () => {
  let server: Server;
  before(async () => {
    server = await startServer({ models: new ModelsFolder().add("e", ECHO).path });
  });
  after(() => server.stop());

  const comesBack = async (client: Client, sent: SentTensor): Promise<void> => {
    const { y } = await client.infer("e", [sent]);
    assertSameTensor(y, { ...sent, name: "y" });
  };

  for (const [name, algorithm] of [
    ["gzip", compressionAlgorithms.gzip],
    ["deflate", compressionAlgorithms.deflate],
  ] as const) {
    test(`a request compressed with ${name} is answered`, async () => {
      const client = new Client(server.address, { "grpc.default_compression_algorithm": algorithm });
      try {
        await comesBack(client, bytes(100_000));
      } finally {
        client.close();
      }
    });
  }

  test("a message of more than 4 MiB is answered", () => comesBack(server.client, bytes(5 * 2 ** 20)));

  test("a message close to 64 MiB is answered", () => comesBack(server.client, bytes(MAX_TENSOR_BYTES)));

  test("a message beyond 64 MiB is RESOURCE_EXHAUSTED, and the server serves on", async () => {
    const error = await failureOf(server.client.modelInfer(inferRequest("e", [bytes(MAX_MESSAGE_BYTES + 1)])));
    assert.equal(status[error.code], "RESOURCE_EXHAUSTED");
    await comesBack(server.client, bytes(10));
  });

  test("a request that fits into a message but into no frame is refused, and costs no process", async () => {
    const error = await failureOf(server.client.modelInfer(inferRequest("e", [bytes(MAX_TENSOR_BYTES + 1)])));
    assert.deepEqual([status[error.code], errorCode(error)], ["INVALID_ARGUMENT", "INVALID_REQUEST"], error.details);
    assert.match(error.details, /has 66060289 bytes of tensors, the limit is 66060288$/);
    assert.equal(await server.metric("idiom_instance_transitions_total", { model: "e", from: "ready" }), 0);
  });
});
