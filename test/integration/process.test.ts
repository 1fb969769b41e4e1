// `idiom up` as a process: how it starts, how it refuses to, and how it ends.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { runCli } from "../support/cli.ts";
import { Client, failureOf, type InferResponse, inferRequest, outputsOf } from "../support/client.ts";
import { Lines } from "../support/lines.ts";
import { ModelsFolder } from "../support/models.ts";
import { spawnUp, startServer } from "../support/server.ts";
import { standardModels } from "../support/standard-models.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const EXIT = { ok: 0, failed: 1, usage: 2, invalid: 5 };

test("SIGTERM: what runs is answered, what comes is refused, and the exit code is 0", async () => {
  const server = await startServer({ models: new ModelsFolder().addFixture("slow", "node", "slow").path });
  const watch = await server.health.watch("");
  const running = server.client.start<InferResponse>("ModelInfer", inferRequest("slow", [tensor("x", "INT32", [1000])]));
  await server.client.call("ServerLive", {});

  const exited = once(server.process, "exit");
  server.process.kill("SIGTERM");
  await server.log.first((line) => (line.startsWith("SIGTERM: finishing what runs") ? line : null));
  await watch.until("NOT_SERVING");
  const late = new Client(server.address);
  assert.equal((await failureOf(late.infer("slow", [tensor("x", "INT32", [1])]))).code, status.UNAVAILABLE);
  late.close();

  assertSameTensor(outputsOf(await running.answer)["y"], tensor("y", "INT32", [1000]));
  assert.deepEqual(await exited, [EXIT.ok, null]);
  assert.match(server.log.text, /^stopped$/m);
  await server.stop();
});

test("SIGTERM: a client that watches the health for ever does not hold up the end", async () => {
  const server = await startServer({ models: standardModels().path });
  await server.health.watch("");
  const exited = once(server.process, "exit");
  server.process.kill("SIGTERM");
  assert.deepEqual(await exited, [EXIT.ok, null]);
  await server.stop();
});

test("SIGTERM while models load: the process ends at once, with exit code 0", async () => {
  const models = new ModelsFolder().add("endless", {
    "model.yaml": "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n",
    "model.mjs": "console.log('loading for ever');\nawait new Promise((resolve) => setTimeout(resolve, 1e6));\n",
  });
  const { code, stderr } = await new Promise<{ code: number | null; stderr: string }>((resolve, reject) => {
    const child = spawnUp({ models: models.path });
    const log = new Lines(child.stderr as Readable);
    log.first((line) => (line.includes("loading for ever") ? line : null)).then(() => child.kill("SIGTERM"), reject);
    child.once("close", (exitCode) => resolve({ code: exitCode, stderr: log.text }));
  });
  assert.equal(code, EXIT.ok, stderr);
});

for (const [what, flag, variable] of [
  ["gRPC", "--grpc-port", "IDIOM_GRPC_PORT"],
  ["HTTP", "--http-port", "IDIOM_HTTP_PORT"],
] as const) {
  test(`a taken ${what} port ends the start with exit code 1 and the way out`, async () => {
    const other = createServer();
    await once(other.listen(0, "127.0.0.1"), "listening");
    const { port } = other.address() as AddressInfo;
    const free = flag === "--grpc-port" ? "--http-port" : "--grpc-port";
    try {
      const { code, stdout, stderr } = await runCli(["up", "--models", standardModels().path, free, "0", flag, String(port)]);
      assert.deepEqual([code, stdout], [EXIT.failed, ""]);
      assert.match(stderr, new RegExp(`^error: cannot listen on 127\\.0\\.0\\.1:${port} \\(${what}\\)`, "m"));
      assert.match(stderr, new RegExp(variable));
      assert.doesNotMatch(stderr, /^ +at /m);
    } finally {
      other.close();
    }
  });
}

test("a models folder that is not there ends the start and is named", async () => {
  const missing = join(new ModelsFolder().path, "missing");
  const { code, stderr } = await runCli(["up", "--models", missing, "--grpc-port", "0", "--http-port", "0"]);
  assert.equal(code, EXIT.invalid);
  assert.match(stderr, new RegExp(`^error: ${missing} is `, "m"));
});

test("an unknown setting ends the start and is named with its file", async () => {
  const config = join(new ModelsFolder().path, "config.yaml");
  writeFileSync(config, "grpcPrt: 1\n");
  const { code, stderr } = await runCli(["up"], { env: { IDIOM_CONFIG: config } });
  assert.equal(code, EXIT.usage);
  assert.match(stderr, new RegExp(`^error: ${config}: unknown key 'grpcPrt'`, "m"));
});

test("a folder without models is served, empty", async () => {
  const server = await startServer({ models: new ModelsFolder().path });
  assert.deepEqual(await server.client.call("ServerReady", {}), { ready: true });
  assert.equal(await server.stop(), EXIT.ok);
});
