// The metrics of several processes as those of one.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Invocation } from "../../../src/core/invocation.ts";
import type { ModelVersion } from "../../../src/core/model.ts";
import { Metrics, type MetricValues } from "../../../src/telemetry/metrics.ts";
import { MetricsSum } from "../../../src/telemetry/metrics-sum.ts";
import { readMetric } from "../../support/metrics.ts";

const VERSION = { name: "m", version: "1", key: "m/1" } as ModelVersion;

/** A process that has answered so many requests, in one frame, and has so many that wait. */
function counted(requests: number, waiting: number): Promise<MetricValues> {
  const metrics = new Metrics();
  const { answered } = metrics.forRequests(VERSION);
  for (let i = 0; i < requests; i++) answered(0.01);
  const invocations = Array.from({ length: requests }, () => ({ arrivedAt: 0 }) as Invocation);
  metrics.forVersion(VERSION, () => waiting).frameStarted(invocations, 1);
  return metrics.values();
}

test("counters, histograms and what waits are added up", async () => {
  const text = await new MetricsSum().render([await counted(2, 1), await counted(3, 4)]);
  assert.equal(readMetric(text, "idiom_requests_total", { model: "m" }), 5);
  assert.equal(readMetric(text, "idiom_request_duration_seconds_count", { model: "m" }), 5);
  assert.equal(readMetric(text, "idiom_merged_requests_sum", { model: "m" }), 5);
  assert.equal(readMetric(text, "idiom_queue_length", { model: "m" }), 5);
});

test("what ended processes had counted stays; what waited in them does not", async () => {
  const sum = new MetricsSum();
  await sum.keep(await counted(2, 7));
  await sum.keep(await counted(4, 7));
  const text = await sum.render([await counted(1, 1)]);
  assert.equal(readMetric(text, "idiom_requests_total", { model: "m" }), 7);
  assert.equal(readMetric(text, "idiom_request_duration_seconds_count", { model: "m" }), 7);
  assert.equal(readMetric(text, "idiom_queue_length", { model: "m" }), 1);
});
