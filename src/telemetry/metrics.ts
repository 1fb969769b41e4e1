// What Idiom measures, in Prometheus terms, by model and version.
import { Counter, collectDefaultMetrics, Gauge, Histogram, type MetricObjectWithValues, type MetricValue, Registry } from "prom-client";
import type { RequestCounts } from "../core/admin.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Invocation } from "../core/invocation.ts";
import type { ModelVersion } from "../core/model.ts";
import { RequestWindow } from "./request-window.ts";

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const LABELS = ["model", "version"] as const;

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Every metric of a process with its values, as plain data. */
export type MetricValues = readonly MetricObjectWithValues<MetricValue<string>>[];

/** What the gateway counts for one version. */
export interface RequestMetrics {
  /** `seconds` from the arrival of the request to its answer. */
  answered(seconds: number): void;
  failed(code: ErrorCode): void;
}

/** What a pool counts for one version. */
export interface VersionMetrics {
  frameStarted(invocations: readonly Invocation[], startedAt: number): void;
  /** `ofJob`: its rows were a job's. */
  frameEnded(computeMs: number, ofJob: boolean): void;
  instanceState(from: string, to: string): void;
}

export interface WorkerMetrics {
  /** `waiting` is asked for the length of the queue whenever the metrics are read. */
  forVersion(version: ModelVersion, waiting: () => number): VersionMetrics;
  /** Its pool is gone. */
  forget(version: ModelVersion): void;
}

export class Metrics implements WorkerMetrics {
  readonly #registry = new Registry();
  readonly #requests = this.#counter("idiom_requests_total", "Inference requests that ended, with or without an answer.", LABELS);
  readonly #errors = this.#counter("idiom_request_errors_total", "Inference requests that ended with an error, by its code.", [...LABELS, "code"]);
  readonly #duration = this.#histogram("idiom_request_duration_seconds", "From the arrival of a request to its answer.", SECONDS);
  readonly #queue = this.#histogram("idiom_queue_duration_seconds", "From the arrival of a request to the start of the frame that ran it.", SECONDS);
  readonly #compute = this.#histogram("idiom_compute_duration_seconds", "From sending a frame to a runtime to its answer.", SECONDS);
  readonly #jobCompute = this.#counter("idiom_job_compute_seconds_total", "What of that was for rows of jobs.", LABELS);
  readonly #merged = this.#histogram("idiom_merged_requests", "Requests that ran together in one frame.", SIZES);
  readonly #transitions = this.#counter("idiom_instance_transitions_total", "Changes of an instance's state.", [...LABELS, "from", "to"]);
  /** Two versions have one key while one replaces the other. */
  readonly #waiting = new Map<ModelVersion, () => number>();
  readonly #windows = new Map<string, RequestWindow>();
  /** By what the server is used for. */
  readonly #redis = new Map<string, { readonly states: readonly string[]; readonly look: () => { readonly state: string; readonly latencySeconds: number } }>();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    const waiting = this.#waiting;
    new Gauge({
      name: "idiom_queue_length",
      help: "Requests that wait for a slot.",
      labelNames: LABELS,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [version, count] of waiting) this.inc({ model: version.name, version: version.version }, count());
      },
    });
    this.#redisGauges();
  }

  #redisGauges(): void {
    const redis = this.#redis;
    new Gauge({
      name: "idiom_redis_state",
      help: "1 for the state that a Redis server is in, by what it is used for.",
      labelNames: ["use", "state"],
      aggregator: "max",
      registers: [this.#registry],
      collect() {
        for (const [use, { states, look }] of redis) {
          const now = look().state;
          for (const state of states) this.set({ use, state }, state === now ? 1 : 0);
        }
      },
    });
    new Gauge({
      name: "idiom_redis_latency_seconds",
      help: "Round trip of a small write to a Redis server: the shortest of the last three.",
      labelNames: ["use"],
      aggregator: "max",
      registers: [this.#registry],
      collect() {
        for (const [use, { look }] of redis) this.set({ use }, look().latencySeconds);
      },
    });
  }

  /** `look` is asked whenever the metrics are read. Of the states, the present one is 1. */
  redis(use: string, states: readonly string[], look: () => { readonly state: string; readonly latencySeconds: number }): void {
    this.#redis.set(use, { states, look });
  }

  /** The Prometheus text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The same as data, for whoever sums up several processes. */
  values(): Promise<MetricValues> {
    return this.#registry.getMetricsAsJSON();
  }

  forRequests(version: ModelVersion): RequestMetrics {
    const labels = { model: version.name, version: version.version };
    const requests = this.#requests.labels(labels);
    const duration = this.#duration.labels(labels);
    const window = this.#windows.get(version.key) ?? new RequestWindow();
    this.#windows.set(version.key, window);
    return {
      answered: (seconds) => {
        requests.inc();
        duration.observe(seconds);
        window.answered(seconds);
      },
      failed: (code) => {
        requests.inc();
        window.failed();
        this.#errors.inc({ ...labels, code });
      },
    };
  }

  forVersion(version: ModelVersion, waiting: () => number): VersionMetrics {
    const labels = { model: version.name, version: version.version };
    this.#waiting.set(version, waiting);
    const queue = this.#queue.labels(labels);
    const compute = this.#compute.labels(labels);
    const jobCompute = this.#jobCompute.labels(labels);
    const merged = this.#merged.labels(labels);
    return {
      frameStarted: (invocations, startedAt) => {
        merged.observe(invocations.length);
        for (const invocation of invocations) queue.observe((startedAt - invocation.arrivedAt) / 1000);
      },
      frameEnded: (computeMs, ofJob) => {
        compute.observe(computeMs / 1000);
        if (ofJob) jobCompute.inc(computeMs / 1000);
      },
      instanceState: (from, to) => this.#transitions.inc({ ...labels, from, to }),
    };
  }

  forget(version: ModelVersion): void {
    this.#waiting.delete(version);
  }

  /** Requests that wait for a slot on this node. */
  queueLength(versionKey: string): number {
    return [...this.#waiting].reduce((sum, [version, waiting]) => (version.key === versionKey ? sum + waiting() : sum), 0);
  }

  /** Null before the first request. */
  requestCounts(versionKey: string): RequestCounts | null {
    return this.#windows.get(versionKey)?.counts() ?? null;
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<(typeof LABELS)[number]> {
    return new Histogram({ name, help, labelNames: LABELS, buckets, registers: [this.#registry] });
  }
}
