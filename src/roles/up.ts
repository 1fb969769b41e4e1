// The composition root of the role `up`: gateway and worker in one process. The only place that knows both.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { WorkerNode } from "../../workers/node.ts";
import { readRuntimes } from "../../workers/runtimes.ts";
import { unconfined } from "../../workers/sandbox/launcher.ts";
import type { Config } from "../config/config.ts";
import type { ModelVersion } from "../core/model.ts";
import { openGrpcFrontDoor } from "../gateway/grpc-server.ts";
import { openHttpFrontDoor } from "../gateway/http-server.ts";
import { RealtimeLane } from "../lanes/realtime/lane.ts";
import { PACKAGE_ROOT } from "../package-root.ts";
import { type RuntimeMarker, scanModels } from "../registry/model-folder.ts";
import { Registry } from "../registry/registry.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { checkGolden, type GoldenReport } from "./golden-check.ts";

export interface Up {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly registry: Registry;
  readonly node: WorkerNode;
  /** Resolves when every version is ready or has failed. */
  settled(): Promise<void>;
  checkGolden(version: ModelVersion): Promise<GoldenReport>;
  /** Answers what runs, then ends everything. */
  stop(): Promise<void>;
}

/**
 * Opens both ports, then loads the models behind them.
 * @throws IdiomError CANNOT_LISTEN when a port is taken, MODEL_INVALID when the models folder cannot be read.
 */
export async function up(config: Config): Promise<Up> {
  const log = createLogger(config.logLevel);
  const metrics = new Metrics();
  const lane = new RealtimeLane();
  const runtimes = readRuntimes(join(PACKAGE_ROOT, "runtimes"));
  const markers: RuntimeMarker[] = runtimes.map((runtime) => ({ language: runtime.language, entryFiles: runtime.entry_files }));
  const registry = new Registry(scanModels(config.models, markers));

  const grpc = await openGrpcFrontDoor({ host: config.host, port: config.grpcPort, maxMessageBytes: config.maxMessageBytes }, registry, lane, metrics);
  const http = await openHttpFrontDoor(config.host, config.httpPort, registry, metrics).catch(async (error: unknown) => {
    await grpc.close();
    throw error;
  });
  const node = new WorkerNode(
    {
      runtimes,
      data: config.data,
      launcher: unconfined,
      limits: { maxQueuedRequests: config.queue.maxRequests, maxQueuedBytes: config.queue.maxBytes },
      parallelLoads: availableParallelism() + 2,
    },
    { lane, metrics, log, statusChanged: (version, status) => registry.setStatus(version, status) },
  );
  const settled = whenSettled(registry);
  node.serve(registry.versions());

  return {
    grpcPort: grpc.port,
    httpPort: http.port,
    registry,
    node,
    settled: () => settled,
    checkGolden: async (version) => {
      const { status } = registry.find(version.name, version.version);
      if (status.state !== "ready") return { result: "none" };
      return checkGolden(version, status.signature, lane);
    },
    async stop() {
      grpc.announceStop();
      const calls = grpc.close();
      await node.drain(config.drainTimeoutMs);
      await calls;
      await http.close();
    },
  };
}

function whenSettled(registry: Registry): Promise<void> {
  if (registry.settled) return Promise.resolve();
  return new Promise((resolve) => {
    registry.onStatus(() => {
      if (registry.settled) resolve();
    });
  });
}
