// The HTTP port: /healthz for probes, /metrics for Prometheus.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { failureOf } from "../support/client.ts";
import { startInProcess } from "../support/in-process.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";
import { standardModels } from "../support/standard-models.ts";
import { tensor } from "../support/tensors.ts";

test("/healthz is 503 until every model has settled, and 200 from then on", async () => {
  const models = standardModels().addFixture("fails_to_load", "node", "fails");
  const node = await startInProcess(models.path);
  try {
    const starting = await fetch(`http://127.0.0.1:${node.up.httpPort}/healthz`);
    assert.equal(starting.status, 503);
    assert.equal(((await starting.json()) as { status: string }).status, "starting");
    await node.up.settled();
    const settled = await fetch(`http://127.0.0.1:${node.up.httpPort}/healthz`);
    assert.equal(settled.status, 200);
    const { status, models: states } = (await settled.json()) as {
      status: string;
      models: { name: string; version: string; state: string; reason?: string }[];
    };
    assert.equal(status, "ok");
    assert.deepEqual(
      states.map(({ name, version, state }) => [name, version, state]),
      [
        ["fails", "1", "failed"],
        ["simple", "1", "ready"],
        ["text", "1", "ready"],
      ],
    );
    assert.match(states[0]?.reason ?? "", /cannot find the weights/);
  } finally {
    await node.stop();
  }
});

describe("/metrics", () => {
  let server: Server;
  before(async () => {
    server = await startServer({ models: new ModelsFolder().addFixture("raise", "node", "m").path });
    const call = (value: number): Promise<unknown> => server.client.infer("m", [tensor("x", "FP64", [value])]);
    await call(1);
    await call(2);
    await failureOf(call(-1));
    await failureOf(server.client.infer("m", []));
  });
  after(() => server.stop());

  test("is Prometheus text", async () => {
    const response = await fetch(`${server.http}/metrics`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=/);
    assert.match(await response.text(), /^# TYPE idiom_requests_total counter$/m);
  });

  test("counts requests and, by code, errors", async () => {
    const labels = { model: "m", version: "1" };
    assert.equal(await server.metric("idiom_requests_total", labels), 4);
    assert.equal(await server.metric("idiom_request_errors_total", { ...labels, code: "MODEL_ERROR" }), 1);
    assert.equal(await server.metric("idiom_request_errors_total", { ...labels, code: "INVALID_REQUEST" }), 1);
  });

  test("measures the answered requests and the frames", async () => {
    const labels = { model: "m", version: "1" };
    assert.equal(await server.metric("idiom_request_duration_seconds_count", labels), 2);
    assert.equal(await server.metric("idiom_compute_duration_seconds_count", labels), 3);
    assert.equal(await server.metric("idiom_queue_duration_seconds_count", labels), 3);
    assert.ok((await server.metric("idiom_request_duration_seconds_sum", labels)) > 0);
  });

  test("counts the states that an instance has gone through", async () => {
    assert.equal(await server.metric("idiom_instance_transitions_total", { model: "m", from: "loading", to: "ready" }), 1);
  });
});

test("another path is 404", async () => {
  const node = await startInProcess(standardModels().path);
  try {
    assert.equal((await fetch(`http://127.0.0.1:${node.up.httpPort}/nothing`)).status, 404);
  } finally {
    await node.stop();
  }
});
