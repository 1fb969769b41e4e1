// Health and reflection: what orchestrators and grpcurl ask.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { credentials, type GrpcObject, loadPackageDefinition, type ServiceClientConstructor, type ServiceError, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { failureOf } from "../support/client.ts";
import { type Server, startServer } from "../support/server.ts";
import { standardModels } from "../support/standard-models.ts";
import { tensor } from "../support/tensors.ts";

const REFLECTION_PROTO = join(PACKAGE_ROOT, "node_modules", "@grpc", "reflection", "build", "proto", "grpc", "reflection", "v1", "reflection.proto");

interface ReflectionAnswer {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
}

/** Asks the server about itself, as grpcurl does. */
function reflect(address: string, request: object): Promise<ReflectionAnswer> {
  const { v1 } = (loadPackageDefinition(loadSync(REFLECTION_PROTO, { keepCase: true }))["grpc"] as { reflection: { v1: GrpcObject } }).reflection;
  const stub = new (v1["ServerReflection"] as ServiceClientConstructor)(address, credentials.createInsecure());
  const stream = (stub["ServerReflectionInfo"] as () => import("@grpc/grpc-js").ClientDuplexStream<object, ReflectionAnswer>).call(stub);
  return new Promise<ReflectionAnswer>((resolve, reject) => {
    stream.on("data", resolve);
    stream.on("error", (error: ServiceError) => reject(error));
    stream.write(request);
    stream.end();
  }).finally(() => stub.close());
}

describe("health and reflection", () => {
  let server: Server;
  before(async () => {
    const models = standardModels().addFixture("fails_to_load", "node", "fails_to_load").addFixture("exits_while_serving", "node", "exits");
    server = await startServer({ models: models.path });
  });
  after(() => server.stop());

  test("the server serves although a model has failed", async () => {
    assert.equal(await server.health.check(""), "SERVING");
  });

  test("each model has a health of its own", async () => {
    assert.equal(await server.health.check("simple"), "SERVING");
    assert.equal(await server.health.check("fails_to_load"), "NOT_SERVING");
  });

  test("an unknown name has no health", async () => {
    assert.equal((await failureOf(server.health.check("nobody"))).code, status.NOT_FOUND);
  });

  test("a watch tells when a model goes and when it is back, while the server serves on", async () => {
    const watch = await server.health.watch("exits");
    const call = failureOf(server.client.infer("exits", [tensor("x", "INT32", [-1])]));
    await watch.until("NOT_SERVING");
    assert.equal(await server.health.check(""), "SERVING");
    await watch.until("SERVING");
    await call;
  });

  test("reflection lists the services", async () => {
    const answer = await reflect(server.address, { list_services: "" });
    const names = answer.list_services_response?.service.map(({ name }) => name) ?? [];
    assert.ok(names.includes("inference.GRPCInferenceService"), names.join(", "));
    assert.ok(names.includes("grpc.health.v1.Health"), names.join(", "));
  });

  test("reflection hands out the protocol's own file", async () => {
    const answer = await reflect(server.address, { file_containing_symbol: "inference.GRPCInferenceService" });
    const files = Buffer.concat([...(answer.file_descriptor_response?.file_descriptor_proto ?? [])]);
    assert.ok(files.includes("ModelInferRequest"));
  });
});
