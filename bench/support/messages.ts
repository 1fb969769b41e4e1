// The one message that the limit benchmark sends: a row of four FP32 values, as raw contents.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GrpcObject, loadPackageDefinition, type ServiceClientConstructor, type ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { PACKAGE_ROOT } from "../../src/package-root.ts";

export const INFER_PATH = "/inference.GRPCInferenceService/ModelInfer";

/** The service as a plain grpc-js program would load it. */
export function plainService(): ServiceDefinition {
  const definition = loadSync(join(PACKAGE_ROOT, "proto", "inference", "grpc_service.proto"), { keepCase: true, longs: Number, oneofs: false });
  const inference = loadPackageDefinition(definition)["inference"] as GrpcObject;
  return (inference["GRPCInferenceService"] as ServiceClientConstructor).service;
}

/** Writes the gRPC frame of one ModelInfer request for `model` to `path`. */
export function writeRequestBody(path: string, model: string): void {
  const x = Buffer.from(new Float32Array([5.1, 3.5, 1.4, 0.2]).buffer);
  const infer = plainService()["ModelInfer"] as ServiceDefinition[string];
  const message = infer.requestSerialize({ model_name: model, inputs: [{ name: "x", datatype: "FP32", shape: [1, 4] }], raw_input_contents: [x] });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  writeFileSync(path, Buffer.concat([head, message]));
}
