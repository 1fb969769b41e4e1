// The door: a ModelInfer request becomes an invocation that fits the model's signature, or an error that says what is wrong.
// A runtime never sees what has not passed here.
import { type ContentType, isContentType } from "../core/datatype.ts";
import { IdiomError } from "../core/errors.ts";
import type { InvocationRequest, Priority } from "../core/invocation.ts";
import { MAX_REQUEST_BYTES, MAX_TIMER_MS } from "../core/limits.ts";
import type { ModelVersion } from "../core/model.ts";
import { formatShape, type Signature, shapeFits, type TensorSpec } from "../core/signature.ts";
import { byteLength, elementCount, skipBytesElements, type Tensor } from "../core/tensor.ts";
import type { InferInputMessage, InferParameterMessage, InferRequestMessage, Parameters } from "./inference-messages.ts";
import { hasContents, rawFromContents } from "./typed-contents.ts";

/** A signature prepared for checking many requests. */
export class RequestValidator {
  readonly #version: ModelVersion;
  readonly #signature: Signature;
  readonly #inputIndex = new Map<string, number>();
  readonly #outputIndex = new Map<string, number>();
  /** False: the version is never merged and rows are not counted. */
  readonly #merges: boolean;
  /** The author's limit of one request. */
  readonly #maxRows: number | null;

  constructor(version: ModelVersion, signature: Signature) {
    this.#version = version;
    this.#signature = signature;
    signature.inputs.forEach((spec, i) => this.#inputIndex.set(spec.name, i));
    signature.outputs.forEach((spec, i) => this.#outputIndex.set(spec.name, i));
    this.#merges = version.manifest.batching !== null;
    this.#maxRows = version.manifest.maxRequestRows;
  }

  /** @throws IdiomError INVALID_REQUEST */
  validate(request: InferRequestMessage): InvocationRequest {
    const { inputs: messages, raw_input_contents: raw } = request;
    const specs = this.#signature.inputs;
    if (messages.length !== specs.length) throw this.#wrongCount(messages);
    if (raw.length > 0 && raw.length !== messages.length)
      throw this.#invalid(`expected ${messages.length} raw_input_contents but got ${raw.length} for model '${this.#version.name}'`);
    const requestContentType = contentTypeOf(request.parameters);
    const inputs: Tensor[] = new Array(specs.length);
    let bytes = 0;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i] as InferInputMessage;
      const index = this.#inputIndex.get(message.name);
      if (index === undefined) throw this.#invalid(`unexpected inference input '${message.name}' for model '${this.#version.name}'; it has ${quoted(specs)}`);
      if (inputs[index] !== undefined) throw this.#invalid(`input '${message.name}' is there twice for model '${this.#version.name}'`);
      const spec = specs[index] as TensorSpec;
      const tensor = this.#tensor(spec, message, raw.length > 0 ? (raw[i] as Uint8Array) : null, requestContentType);
      inputs[index] = tensor;
      bytes += tensor.data.length;
    }
    if (bytes > MAX_REQUEST_BYTES)
      throw this.#invalid(`the request to model '${this.#version.name}' has ${bytes} bytes of tensors, the limit is ${MAX_REQUEST_BYTES}`);
    return {
      version: this.#version,
      signature: this.#signature,
      inputs,
      rows: this.#rows(inputs),
      bytes,
      mergeKey: this.#mergeKey(inputs),
      priority: priorityOf(request.parameters),
    };
  }

  /** Positions of the outputs that the request wants, or null for all. @throws IdiomError INVALID_REQUEST */
  requestedOutputs(request: InferRequestMessage): number[] | null {
    if (request.outputs.length === 0) return null;
    return request.outputs.map(({ name, parameters }) => {
      if (parameters["classification"] !== undefined)
        throw this.#invalid(`output '${name}': the parameter 'classification' is not supported; take the scores and rank them`);
      const index = this.#outputIndex.get(name);
      if (index === undefined)
        throw this.#invalid(`unexpected inference output '${name}' for model '${this.#version.name}'; it has ${quoted(this.#signature.outputs)}`);
      return index;
    });
  }

  #tensor(spec: TensorSpec, message: InferInputMessage, raw: Uint8Array | null, requestContentType: ContentType | null): Tensor {
    const model = this.#version.name;
    const { name, datatype } = message;
    if (datatype !== spec.datatype)
      throw this.#invalid(`inference input '${name}' data-type is '${datatype}', but model '${model}' expects '${spec.datatype}'`);
    const shape = this.#shape(spec, message);
    if (raw !== null && hasContents(message.contents))
      throw this.#invalid(`contents field must not be specified when using raw_input_contents for input '${name}' for model '${model}'`);
    const data = raw ?? rawFromContents(name, model, spec.datatype, message.contents);
    this.#checkSize(spec, shape, data);
    const contentType = contentTypeOf(message.parameters) ?? requestContentType;
    return { datatype: spec.datatype, contentType: spec.datatype === "BYTES" ? elementContentType(contentType) : null, shape, data };
  }

  #shape(spec: TensorSpec, message: InferInputMessage): number[] {
    const shape: number[] = new Array(message.shape.length);
    for (let d = 0; d < shape.length; d++) {
      const dimension = message.shape[d] as InferInputMessage["shape"][number];
      shape[d] = dimension.high === 0 ? dimension.low >>> 0 : dimension.toNumber();
    }
    if (shape.every(isDimension) && shapeFits(spec.shape, shape)) return shape;
    throw this.#invalid(
      `unexpected shape for input '${spec.name}' for model '${this.#version.name}'. Expected ${formatShape(spec.shape)}, got ${formatShape(shape)}`,
    );
  }

  #checkSize(spec: TensorSpec, shape: readonly number[], data: Uint8Array): void {
    const expected = byteLength(spec.datatype, shape);
    if (expected === data.length) return;
    const model = this.#version.name;
    if (expected !== null)
      throw this.#invalid(`input byte size mismatch for input '${spec.name}' for model '${model}'. Expected ${expected}, got ${data.length}`);
    const count = elementCount(shape);
    if (count * 4 > data.length || skipBytesElements(data, 0, count) !== data.length) {
      throw this.#invalid(
        `input byte size mismatch for input '${spec.name}' for model '${model}': ${data.length} bytes are not ${count} elements of a 4-byte length and as many bytes`,
      );
    }
  }

  #rows(inputs: readonly Tensor[]): number {
    if (!this.#merges) return 0;
    const rows = inputs[0]?.shape[0] ?? 0;
    for (let i = 1; i < inputs.length; i++) {
      const other = (inputs[i] as Tensor).shape[0];
      if (other !== rows)
        throw this.#invalid(
          `inputs of model '${this.#version.name}' differ in their rows: '${this.#signature.inputs[0]?.name}' has ${rows}, '${this.#signature.inputs[i]?.name}' has ${other}`,
        );
    }
    if (this.#maxRows !== null && rows > this.#maxRows)
      throw this.#invalid(`inference request batch-size must be <= ${this.#maxRows} for '${this.#version.name}'; got ${rows}`);
    return rows;
  }

  #mergeKey(inputs: readonly Tensor[]): string {
    let key = "";
    if (!this.#merges) return key;
    for (let i = 0; i < inputs.length; i++) key += mergeKeyOf(i, this.#signature.inputs[i] as TensorSpec, inputs[i] as Tensor);
    return key;
  }

  #wrongCount(messages: readonly InferInputMessage[]): IdiomError {
    const given = new Set(messages.map((message) => message.name));
    const missing = this.#signature.inputs.filter((spec) => !given.has(spec.name));
    const which = missing.length > 0 ? `; missing: ${quoted(missing)}` : `; it has ${quoted(this.#signature.inputs)}`;
    return this.#invalid(`expected ${this.#signature.inputs.length} inputs but got ${messages.length} inputs for model '${this.#version.name}'${which}`);
  }

  #invalid(message: string): IdiomError {
    return new IdiomError("INVALID_REQUEST", message);
  }
}

/** Triton's request parameter `timeout` in microseconds, as ms; null without one, and for one of weeks. */
export function timeoutOf(parameters: Parameters): number | null {
  const microseconds = integerParameter(parameters["timeout"]);
  if (microseconds === null || microseconds <= 0) return null;
  const ms = microseconds / 1000;
  return ms <= MAX_TIMER_MS ? ms : null;
}

/** Whether the request asks for typed contents in the answer (`binary_data_output: false`); otherwise it is raw. */
export function wantsTypedOutput(parameters: Parameters): boolean {
  return ownValue(parameters["binary_data_output"], "bool_param") === false;
}

/** Triton's request parameter `priority`: 1 is high, 0 and 2 are normal, 3 and more low. */
function priorityOf(parameters: Parameters): Priority {
  const value = integerParameter(parameters["priority"]);
  if (value === null || value === 0 || value === 2) return 1;
  return value === 1 ? 0 : 2;
}

function integerParameter(parameter: InferParameterMessage | undefined): number | null {
  return (ownValue(parameter, "int64_param") ?? ownValue(parameter, "uint64_param"))?.toNumber() ?? null;
}

/** What was sent: a decoded message inherits defaults for the fields of the oneof that were not. */
function ownValue<K extends keyof InferParameterMessage>(parameter: InferParameterMessage | undefined, field: K): InferParameterMessage[K] | undefined {
  return parameter !== undefined && Object.hasOwn(parameter, field) ? parameter[field] : undefined;
}

function contentTypeOf(parameters: Parameters): ContentType | null {
  const value = ownValue(parameters["content_type"], "string_param");
  return value !== undefined && isContentType(value) ? value : null;
}

/** `np` and `pd` speak of the whole request; the model's own calling convention decides on those. */
function elementContentType(contentType: ContentType | null): ContentType | null {
  return contentType === "np" || contentType === "pd" ? null : contentType;
}

/** Empty in the usual case, a tensor as its signature says; so most models have one merge key. */
function mergeKeyOf(index: number, spec: TensorSpec, tensor: Tensor): string {
  const { shape, contentType } = tensor;
  let usual = contentType === null && shape.length === spec.shape.length;
  for (let d = 1; usual && d < shape.length; d++) usual = spec.shape[d] === shape[d];
  return usual ? "" : `${index}:${shape.slice(1).join(",")}:${contentType ?? ""};`;
}

/** As far as a word of the harness protocol goes; beside an empty dimension no byte count would catch more. */
const MAX_DIMENSION = 2 ** 31 - 1;

function isDimension(value: number): boolean {
  return value >= 0 && value <= MAX_DIMENSION;
}

function quoted(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `'${spec.name}'`).join(", ");
}
