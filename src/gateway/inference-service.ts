// inference.GRPCInferenceService: the Open Inference Protocol over gRPC.
import type { ServerUnaryCall, ServiceDefinition, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import { IdiomError } from "../core/errors.ts";
import { Invocation, type Outcome } from "../core/invocation.ts";
import type { Signature, TensorSpec } from "../core/signature.ts";
import type { Tensor } from "../core/tensor.ts";
import type { RealtimeLane } from "../lanes/realtime/lane.ts";
import { VERSION } from "../package-root.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";
import type { Metrics, RequestMetrics } from "../telemetry/metrics.ts";
import { decodeInferRequest, encodeInferResponse, INFERENCE_PACKAGE, type InferRequestMessage, type InferResponseMessage } from "./inference-messages.ts";
import { RequestValidator, timeoutOf, wantsTypedOutput } from "./request-validation.ts";
import { toServiceError } from "./status.ts";
import { contentsFromRaw } from "./typed-contents.ts";

/** What the request path needs of a ready version, made once per signature. */
interface Serving {
  readonly entry: RegistryEntry;
  readonly signature: Signature;
  readonly validator: RequestValidator;
  readonly metrics: RequestMetrics;
}

type InferCall = ServerUnaryCall<InferRequestMessage, InferResponseMessage>;

export class InferenceService {
  readonly #registry: Registry;
  readonly #lane: RealtimeLane;
  readonly #metrics: Metrics;
  readonly #serving = new WeakMap<Signature, Serving>();

  constructor(registry: Registry, lane: RealtimeLane, metrics: Metrics) {
    this.#registry = registry;
    this.#lane = lane;
    this.#metrics = metrics;
  }

  /** The service for addService, with the fast codec for ModelInfer. */
  static definition(): ServiceDefinition {
    const service = INFERENCE_PACKAGE["inference.GRPCInferenceService"] as ServiceDefinition;
    const infer = service["ModelInfer"] as ServiceDefinition[string];
    return { ...service, ModelInfer: { ...infer, requestDeserialize: decodeInferRequest, responseSerialize: encodeInferResponse } };
  }

  handlers(): UntypedServiceImplementation {
    return {
      ServerLive: answering(() => ({ live: true })),
      ServerReady: answering(() => ({ ready: this.#registry.accepting })),
      ModelReady: answering(({ name, version }) => ({ ready: this.#isReady(name, version) })),
      ServerMetadata: answering(() => ({ name: "idiom", version: VERSION, extensions: ["model_repository"] })),
      ModelMetadata: answering(({ name, version }) => this.#modelMetadata(name, version)),
      RepositoryIndex: answering(({ ready }) => this.#repositoryIndex(ready)),
      ModelInfer: (call: InferCall, callback: sendUnaryData<InferResponseMessage>) => this.#infer(call, callback),
    };
  }

  #infer(call: InferCall, callback: sendUnaryData<InferResponseMessage>): void {
    const { request } = call;
    let entry: RegistryEntry | null = null;
    try {
      if (request.refusal !== undefined) throw new IdiomError("INVALID_REQUEST", request.refusal);
      entry = this.#registry.find(request.model_name, request.model_version);
      this.#submit(call, callback, this.#ready(entry));
    } catch (error) {
      // Of a version that is known, also while it is not ready.
      if (entry?.version != null) this.#metrics.forRequests(entry.version).failed(IdiomError.from(error).code);
      callback(toServiceError(error));
    }
  }

  #submit(call: InferCall, callback: sendUnaryData<InferResponseMessage>, serving: Serving): void {
    const { request } = call;
    const requested = serving.validator.requestedOutputs(request);
    const invocationRequest = serving.validator.validate(request);
    const timeoutMs = timeoutOf(request.parameters);
    let timer: NodeJS.Timeout | null = null;
    const invocation = new Invocation(
      invocationRequest,
      (outcome) => {
        if (timer !== null) clearTimeout(timer);
        answer(serving, invocation, request, requested, outcome, callback);
      },
      deadlineOf(call),
    );
    if (timeoutMs !== null) timer = setTimeout(() => expire(invocation, serving, timeoutMs, callback), timeoutMs);
    // Fires for a cancel and for the caller's deadline; grpc-js has answered the caller then.
    call.on("cancelled", () => {
      if (invocation.settled) return;
      if (timer !== null) clearTimeout(timer);
      serving.metrics.failed(Date.now() >= invocation.deadlineAt ? "DEADLINE_EXCEEDED" : "CANCELLED");
      invocation.abandon();
    });
    this.#lane.submit(invocation);
  }

  /** @throws IdiomError MODEL_NOT_READY */
  #ready(entry: RegistryEntry): Serving {
    const { name, status } = entry;
    if (status.state === "ready" || (status.state === "unavailable" && status.signature !== null)) return this.#servingOf(entry, status.signature as Signature);
    const why = this.#registry.obstacle ?? (status.state === "loading" ? "it is loading" : status.reason);
    throw new IdiomError("MODEL_NOT_READY", `model '${name}' version '${entry.versionNumber}' is not at ready state: ${why}`);
  }

  #servingOf(entry: RegistryEntry, signature: Signature): Serving {
    const known = this.#serving.get(signature);
    if (known !== undefined) return known;
    const version = entry.version as NonNullable<RegistryEntry["version"]>;
    const serving: Serving = { entry, signature, validator: new RequestValidator(version, signature), metrics: this.#metrics.forRequests(version) };
    this.#serving.set(signature, serving);
    return serving;
  }

  #isReady(name: string, version: string): boolean {
    const entries = this.#registry.versionsOf(name);
    return entries.some((entry) => entry.status.state === "ready" && (version === "" || entry.versionNumber === version));
  }

  #modelMetadata(name: string, version: string): object {
    const entry = this.#registry.find(name, version);
    const { signature } = this.#ready(entry);
    const versions = this.#registry
      .versionsOf(name)
      .map((other) => other.versionNumber)
      .reverse();
    return {
      name,
      versions: version === "" ? versions : [entry.versionNumber],
      platform: entry.version?.manifest.runtime ?? "",
      inputs: signature.inputs.map(toMetadata),
      outputs: signature.outputs.map(toMetadata),
    };
  }

  #repositoryIndex(onlyReady: boolean): object {
    const entries = this.#registry.entries().filter((entry) => !onlyReady || entry.status.state === "ready");
    return { models: entries.map((entry) => ({ name: entry.name, version: entry.versionNumber, ...repositoryState(entry) })) };
  }
}

/** The caller's deadline as ms since 1970; Infinity without one. */
function deadlineOf(call: InferCall): number {
  const deadline = call.getDeadline();
  return typeof deadline === "number" ? deadline : deadline.getTime();
}

/** Triton's words for the state of a version. */
function repositoryState({ status }: RegistryEntry): { state: string; reason: string } {
  if (status.state === "ready" || status.state === "loading") return { state: status.state.toUpperCase(), reason: "" };
  return { state: "UNAVAILABLE", reason: status.reason };
}

function answering<Request>(handle: (request: Request) => object): (call: { request: Request }, callback: sendUnaryData<object>) => void {
  return (call, callback) => {
    try {
      callback(null, handle(call.request));
    } catch (error) {
      callback(toServiceError(error));
    }
  };
}

function answer(
  serving: Serving,
  invocation: Invocation,
  request: InferRequestMessage,
  requested: readonly number[] | null,
  outcome: Outcome,
  callback: sendUnaryData<InferResponseMessage>,
): void {
  if (!outcome.ok) {
    serving.metrics.failed(outcome.error.code);
    return callback(toServiceError(outcome.error));
  }
  try {
    callback(null, toResponse(serving, request, requested, outcome.outputs));
    serving.metrics.answered((performance.now() - invocation.arrivedAt) / 1000);
  } catch (error) {
    serving.metrics.failed(IdiomError.from(error).code);
    callback(toServiceError(error));
  }
}

function expire(invocation: Invocation, serving: Serving, timeoutMs: number, callback: sendUnaryData<InferResponseMessage>): void {
  if (invocation.settled) return;
  invocation.abandon();
  serving.metrics.failed("DEADLINE_EXCEEDED");
  callback(toServiceError(new IdiomError("DEADLINE_EXCEEDED", `no answer within the request's timeout of ${timeoutMs} ms`)));
}

function toResponse(serving: Serving, request: InferRequestMessage, requested: readonly number[] | null, tensors: readonly Tensor[]): InferResponseMessage {
  const typed = wantsTypedOutput(request.parameters);
  const outputs: InferResponseMessage["outputs"] = [];
  const raw: Uint8Array[] = [];
  const count = requested?.length ?? tensors.length;
  for (let i = 0; i < count; i++) {
    const index = requested?.[i] ?? i;
    const { datatype, shape, data } = tensors[index] as Tensor;
    const { name } = serving.signature.outputs[index] as TensorSpec;
    if (typed) outputs.push({ name, datatype, shape, contents: contentsFromRaw(name, datatype, data) });
    else {
      outputs.push({ name, datatype, shape });
      raw.push(data);
    }
  }
  return { model_name: request.model_name, model_version: serving.entry.versionNumber, id: request.id, outputs, raw_output_contents: raw };
}

function toMetadata(spec: TensorSpec): object {
  return { name: spec.name, datatype: spec.datatype, shape: spec.shape };
}
