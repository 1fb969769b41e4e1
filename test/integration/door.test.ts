// The door when it opens to other machines: TLS, API keys with their roles and limits, and what happens when they change while it serves.
import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { type ApiKey, ROLES } from "../../src/config/api-key-file.ts";
import { AdminService } from "../../src/gateway/admin-service.ts";
import { InferenceService } from "../../src/gateway/inference-service.ts";
import { JobsService } from "../../src/gateway/jobs-service.ts";
import { followLogs } from "../support/admin.ts";
import { Authority, type CertificateFiles } from "../support/certificates.ts";
import { runCli, runCommand } from "../support/cli.ts";
import { Client, errorCode, failureOf } from "../support/client.ts";
import { DATA } from "../support/data-folder.ts";
import { processFolder } from "../support/folders.ts";
import { HealthClient } from "../support/health.ts";
import { KeyFile, type LockedServer, startLocked, tryCall, withKey } from "../support/locked-server.ts";
import { startServer } from "../support/server.ts";
import { standardModels } from "../support/standard-models.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

type Role = ApiKey["role"];
const EXIT_AUTH = 4;
const EXIT_USAGE = 2;
const EXIT_UNREACHABLE = 6;

const FOLDER = processFolder();
/** A folder of its own below one that is removed at the end. */
const folderOf = (name: string): string => {
  mkdirSync(join(FOLDER, name));
  return join(FOLDER, name);
};

const MODELS = standardModels().addFixture("slow", "node", "slow").path;

const words = (value: string) => [tensor("x", "BYTES", [value])];

describe("a door in plain text, for a network that is trusted", { timeout: 120_000 }, () => {
  const file = new KeyFile(folderOf("plain"));
  const keys = new Map<string, string>();
  let server: LockedServer;
  const clients: Client[] = [];
  const client = (key: string): Client => {
    clients.push(new Client(server.grpc, withKey(key)));
    return clients.at(-1) as Client;
  };

  before(async () => {
    for (const role of ROLES) keys.set(role, file.create(role, role));
    server = await startLocked(MODELS, { IDIOM_INSECURE: "true", IDIOM_API_KEYS: file.path });
  });
  after(async () => {
    for (const opened of clients) opened.close();
    await server.stop();
  });
  /** A client with a new key, once the server has it. */
  const newcomer = async (name: string, role: Role, terms: Partial<ApiKey> = {}): Promise<{ readonly key: string; readonly client: Client }> => {
    const since = server.log.count;
    const key = file.create(name, role, terms);
    await server.log.first((line) => (line.includes("the API keys have changed") ? line : null), since);
    return { key, client: client(key) };
  };
  const keyOf = (role: string): string => keys.get(role) as string;

  describe("each role reaches what it is for:", () => {
    const reflection = ["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"];
    const services: readonly (readonly [service: string, methods: readonly string[], least: Role])[] = [
      ["inference", Object.values(InferenceService.definition()).map(({ path }) => path), "infer"],
      ["reflection", reflection, "infer"],
      ["jobs", Object.values(JobsService.definition()).map(({ path }) => path), "submit"],
      [
        "admin",
        Object.values(AdminService.definition())
          .filter(({ responseStream }) => !responseStream)
          .map(({ path }) => path),
        "admin",
      ],
    ];
    for (const [service, methods, least] of services) {
      for (const role of ROLES) {
        const may = ROLES.indexOf(role) >= ROLES.indexOf(least);
        test(`${role} ${may ? "may" : "may not"} call ${service}`, async () => {
          for (const path of methods) {
            const outcome = await tryCall(server.grpc, path, keyOf(role));
            assert.equal(["PERMISSION_DENIED", "UNAUTHENTICATED"].includes(outcome), !may, `${path}: ${outcome}`);
          }
        });
      }
      test(`without a key nobody may call ${service}`, async () => {
        assert.equal(await tryCall(server.grpc, methods[0] as string, null), "UNAUTHENTICATED");
      });
    }

    test("health of the server is for everybody, because probes have no key; of models it is for those who may call them", async () => {
      const [probe, own] = [
        new HealthClient(server.grpc),
        new HealthClient(server.grpc, withKey((await newcomer("prober", "infer", { models: ["text"] })).key)),
      ];
      assert.equal(await probe.check(""), "SERVING");
      for (const model of ["text", "no-such-model"]) {
        for (const refused of [probe.check(model), probe.watch(model)]) assert.equal((await failureOf(refused)).code, status.UNAUTHENTICATED);
      }
      assert.equal((await failureOf(probe.list())).code, status.UNAUTHENTICATED);
      assert.deepEqual([await own.check(""), await own.check("text"), await own.list()], ["SERVING", "SERVING", ["text"]]);
      for (const model of ["simple", "no-such-model"]) assert.equal((await failureOf(own.check(model))).code, status.PERMISSION_DENIED);
      for (const client of [probe, own]) client.close();
    });
  });

  test("a good key gets an answer", async () => {
    const answer = await client(keyOf("infer")).infer("text", words("hello"));
    assertSameTensor(answer["y"], tensor("y", "BYTES", ["hello"]));
  });

  test("what is wrong with a key is said, and nothing more", async () => {
    const key = keyOf("infer");
    const wrong: readonly [key: string, message: RegExp][] = [
      ["hunter2", /^this is no API key of Idiom/],
      [key.slice(0, -1), /^this is no API key of Idiom: it was mistyped or cut off/],
      [`${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`, /^this is no API key of Idiom: it was mistyped/],
      [new KeyFile(folderOf("stranger")).create("stranger", "admin"), /^this API key is unknown here or was revoked$/],
    ];
    for (const [text, message] of wrong) {
      const error = await failureOf(client(text).infer("text", words("hello")));
      assert.deepEqual([status[error.code], errorCode(error)], ["UNAUTHENTICATED", "UNAUTHENTICATED"]);
      assert.match(error.details, message);
    }
  });

  test("failed attempts are in the log, with the address and without the key", async () => {
    const key = new KeyFile(folderOf("thief")).create("thief", "admin");
    await failureOf(client(key).infer("text", words("hello")));
    const line = await server.log.first((entry) => (entry.includes("refused at the door") ? entry : null));
    assert.match(line, /"peer":"127\.0\.0\.1"/);
    assert.ok(!server.log.text.includes(key));
  });

  test("a key that is for some models alone sees no other", async () => {
    const { key, client: own } = await newcomer("own", "infer", { models: ["text", "slow"] });
    assert.ok((await own.infer("text", words("hello")))["y"]);
    for (const method of ["ModelInfer", "ModelMetadata", "ModelReady"]) {
      const request = method === "ModelInfer" ? { model_name: "simple", inputs: [] } : { name: "simple" };
      const error = await failureOf(own.call(method, request));
      assert.deepEqual([status[error.code], error.details], ["PERMISSION_DENIED", "API key 'own' is not for model 'simple'"]);
    }
    const { models } = await own.call<{ models: { name: string }[] }>("RepositoryIndex", {});
    assert.deepEqual(models.map(({ name }) => name).sort(), ["slow", "text"]);
    const authorized = { headers: { authorization: `Bearer ${key}` } };
    assert.deepEqual(await (await fetch(`${server.http}/healthz`, authorized)).json(), { status: "ok" });
    assert.equal((await fetch(`${server.http}/metrics`, authorized)).status, 403);
  });

  test("a key may call so often in a second, and no more", async () => {
    const { client: limited } = await newcomer("limited", "infer", { requestsPerSecond: 5 });
    const since = performance.now();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, () =>
        limited.infer("text", words("x")).then(
          () => "OK",
          (error) => errorCode(error),
        ),
      ),
    );
    const answered = outcomes.filter((outcome) => outcome === "OK").length;
    const seconds = (performance.now() - since) / 1000;
    assert.ok(answered >= 5 && answered <= 5 + 5 * seconds, `${answered} were answered in ${seconds} s`);
    assert.equal(outcomes.filter((outcome) => outcome === "LIMIT_EXCEEDED").length, 40 - answered);
  });

  test("a key may have so many calls at a time, and the next when one has ended or was cancelled", async () => {
    const { client: limited } = await newcomer("narrow", "infer", { maxConcurrent: 1 });
    const wait = (ms: number) => ({ model_name: "slow", inputs: [{ name: "x", datatype: "INT32", shape: [1], contents: { int_contents: [ms] } }] });
    const running = limited.start("ModelInfer", wait(60_000));
    const refused = await failureOf(limited.modelInfer(wait(0)).then(() => limited.modelInfer(wait(0))));
    assert.deepEqual([status[refused.code], errorCode(refused)], ["RESOURCE_EXHAUSTED", "LIMIT_EXCEEDED"]);
    assert.match(refused.details, /^API key 'narrow' may have 1 calls running at a time/);
    running.cancel();
    await failureOf(running.answer);
    while ((await limited.modelInfer(wait(0)).catch(() => null)) === null);
    await limited.modelInfer(wait(0));
  });

  test("a key that is revoked loses its running calls, and makes no other", async () => {
    const { key } = await newcomer("leaver", "admin");
    const following = followLogs(server.grpc, "", withKey(key));
    await once(following, "data");
    const ended = once(following, "error");
    file.revoke("leaver");
    const [error] = (await ended) as [ServiceError];
    assert.deepEqual([status[error.code], error.details], ["UNAUTHENTICATED", "this API key was revoked"]);
    assert.equal(await tryCall(server.grpc, "/idiom.v1.AdminService/GetStatus", key), "UNAUTHENTICATED");
  });

  test("/healthz says no more than a probe needs, and /metrics asks for a key", async () => {
    const authorized = { headers: { authorization: `Bearer ${keyOf("infer")}` } };
    assert.deepEqual(await (await fetch(`${server.http}/healthz`)).json(), { status: "ok" });
    assert.equal((await fetch(`${server.http}/healthz`, { headers: { authorization: "Bearer wrong" } })).status, 401);
    assert.equal(((await (await fetch(`${server.http}/healthz`, authorized)).json()) as { models: object[] }).models.length, 3);
    const refused = await fetch(`${server.http}/metrics`);
    assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, "Bearer"]);
    assert.match(((await refused.json()) as { error: string }).error, /^an API key is needed/);
    assert.match(await (await fetch(`${server.http}/metrics`, authorized)).text(), /^# TYPE idiom_requests_total counter$/m);
  });

  test("the command line takes its key from the environment, and says what it lacks", async () => {
    const env = { IDIOM_SERVER: server.grpc };
    const { stdout } = await runCli(["get", "models", "-o", "name"], { env: { ...env, IDIOM_API_KEY: keyOf("admin") } });
    assert.deepEqual(stdout.trim().split("\n").sort(), ["simple", "slow", "text"]);
    const without = await runCli(["get", "models"], { env });
    assert.deepEqual([without.code, without.stdout], [EXIT_AUTH, ""]);
    assert.match(without.stderr, /IDIOM_API_KEY/);
    const weak = await runCli(["get", "models", "--api-key", keyOf("submit")], { env });
    assert.deepEqual([weak.code, weak.stderr], [EXIT_AUTH, "error: API key 'submit' has the role 'submit'; this needs 'admin'\n"]);
  });
});

describe("a door with TLS", { timeout: 120_000 }, () => {
  const folder = folderOf("tls");
  const [old, renewed, stranger] = ["old", "renewed", "stranger"].map((name) => new Authority(folder, name)) as [Authority, Authority, Authority];
  const served: CertificateFiles = { cert: join(folder, "served.crt"), key: join(folder, "served.key") };
  const file = new KeyFile(folder);
  let key: string;
  let server: LockedServer;

  /** Puts files into place as a renewal does: each at once. */
  const serve = (files: CertificateFiles): void => {
    for (const kind of ["key", "cert"] as const) {
      copyFileSync(files[kind], `${served[kind]}.new`);
      renameSync(`${served[kind]}.new`, served[kind]);
    }
  };
  const call = (authority: Authority): Promise<string> =>
    tryCall(server.grpc, "/inference.GRPCInferenceService/ServerLive", key, credentials.createSsl(authority.certificate));

  before(async () => {
    key = file.create("app", "admin");
    serve(old.sign("expired", -1));
    server = await startLocked(MODELS, { IDIOM_TLS_CERT: served.cert, IDIOM_TLS_KEY: served.key, IDIOM_API_KEYS: file.path });
  });
  after(() => server.stop());

  test("nobody trusts a certificate that has expired; a renewed one is in use without a restart", async () => {
    assert.equal(await call(old), "UNAVAILABLE");
    serve(old.sign("fresh"));
    await server.log.first((line) => (line.includes("a new certificate is in use") ? line : null));
    assert.equal(await call(old), "OK");
    assert.equal(await call(stranger), "UNAVAILABLE");
  });

  test("key and certificate that do not belong together change nothing", async () => {
    copyFileSync(stranger.sign("other").key, served.key);
    await server.log.first((line) => (line.includes("the certificate is not renewed") ? line : null));
    assert.equal(await call(old), "OK");
    const before = server.log.count;
    serve(renewed.sign("whole"));
    await server.log.first((line) => (line.includes("a new certificate is in use") ? line : null), before);
    assert.equal(await call(renewed), "OK");
  });

  test("plain text gets no answer", async () => {
    assert.equal(await tryCall(server.grpc, "/inference.GRPCInferenceService/ServerLive", key), "UNAVAILABLE");
  });

  test("the HTTP port has the same certificate", async () => {
    assert.match(server.http, /^https:/);
    const body = await new Promise<string>((resolve, reject) => {
      get(`${server.http}/healthz`, { ca: renewed.certificate }, (response) => text(response).then(resolve, reject)).on("error", reject);
    });
    assert.deepEqual(JSON.parse(body), { status: "ok" });
  });

  test("the command line calls with the authority that it is told", async () => {
    const env = { IDIOM_SERVER: server.grpc, IDIOM_API_KEY: key, IDIOM_TLS_CA: renewed.file };
    const { code, stdout, stderr } = await runCli(["predict", "text", "-i", "x=hello"], { env });
    assert.deepEqual([code, stdout, stderr], [0, "Y\nhello\n", ""]);
    assert.equal((await runCli(["predict", "text", "-i", "x=hello"], { env: { ...env, IDIOM_TLS_CA: stranger.file } })).code, EXIT_UNREACHABLE);
    assert.equal((await runCli(["predict", "text", "-i", "x=hello", "--tls-ca", "/nowhere"], { env })).code, EXIT_USAGE);
  });

  test("Triton's client for Python calls with its own options", async () => {
    const script = `
import sys, numpy as np, tritonclient.grpc as grpc
url, ca, key = sys.argv[1:]
x = grpc.InferInput("x", [1], "BYTES")
x.set_data_from_numpy(np.array(["hello"], dtype=np.object_))
with grpc.InferenceServerClient(url, ssl=True, root_certificates=ca) as client:
    print(client.infer("text", [x], headers={"authorization": "Bearer " + key}).as_numpy("y")[0].decode())
`;
    const python = join(DATA, "environments", "clients-python", "bin", "python");
    const { code, stdout, stderr } = await runCommand(python, ["-c", script, server.grpc, renewed.file, key], { env: process.env });
    assert.deepEqual([code, stdout], [0, "hello\n"], stderr);
  });
});

test("with an authority for clients, nobody connects without a certificate of it", async (t) => {
  const folder = folderOf("clients");
  const authority = new Authority(folder, "authority");
  const [ours, theirs] = [authority.sign("server"), authority.sign("client")];
  const stranger = new Authority(folder, "stranger").sign("other");
  const file = new KeyFile(folder);
  const key = file.create("app", "infer");
  const env = { IDIOM_TLS_CERT: ours.cert, IDIOM_TLS_KEY: ours.key, IDIOM_TLS_CLIENT_CA: authority.file, IDIOM_API_KEYS: file.path };
  const server = await startLocked(MODELS, env);
  t.after(() => server.stop());
  const predict = (...more: string[]) =>
    runCli(["predict", "text", "-i", "x=a", "--server", server.grpc, "--api-key", key, "--tls-ca", authority.file, ...more]);
  assert.equal((await predict("--tls-cert", theirs.cert, "--tls-key", theirs.key)).code, 0);
  assert.equal((await predict("--tls-cert", stranger.cert, "--tls-key", stranger.key)).code, EXIT_UNREACHABLE);
  assert.equal((await predict()).code, EXIT_UNREACHABLE);
});

test("on loopback the door is open, and locked by naming a file of keys", async (t) => {
  const state = folderOf("state");
  const file = new KeyFile(state);
  const key = file.create("app", "infer");
  assert.equal(statSync(file.path).mode & 0o777, 0o600);
  const open = await startServer({ models: MODELS, env: { IDIOM_STATE: state } });
  t.after(() => open.stop());
  assert.ok((await open.client.infer("text", words("hello")))["y"]);
  const locked = await startServer({ models: MODELS, env: { IDIOM_STATE: folderOf("other-state"), IDIOM_API_KEYS: file.path } });
  t.after(() => locked.stop());
  assert.equal(status[(await failureOf(locked.client.infer("text", words("hello")))).code], "UNAUTHENTICATED");
  const client = new Client(locked.address, withKey(key));
  t.after(() => client.close());
  assert.ok((await client.infer("text", words("hello")))["y"]);
});

describe("the start stops, and says what to do,", () => {
  const start = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const { code, stderr } = await runCli(["up", "--models", MODELS], { env: { IDIOM_HOST: "0.0.0.0", IDIOM_STATE: join(FOLDER, "nothing"), ...env } });
    assert.equal(code, EXIT_USAGE, stderr);
    return stderr;
  };

  test("in plain text to others", async () => {
    assert.match(
      await start({}),
      /^error: IDIOM_HOST=0\.0\.0\.0 would open Idiom to other machines in plain text.*IDIOM_TLS_CERT.*--insecure.*IDIOM_HOST=127\.0\.0\.1/s,
    );
  });

  test("without an API key", async () => {
    assert.match(await start({ IDIOM_INSECURE: "1" }), /api-keys\.json holds none\.\nMake one with: idiom token create/);
  });

  test("with a certificate that cannot be read", async () => {
    assert.match(await start({ IDIOM_TLS_CERT: "/nowhere.crt", IDIOM_TLS_KEY: "/nowhere.key" }), /^error: .*\/nowhere\.crt/);
  });
});

describe("a Redis on another machine that is not locked", () => {
  for (const [role, variable] of [
    ["up", "IDIOM_REALTIME_REDIS_URL"],
    ["gateway", "IDIOM_REDIS_URL"],
    ["worker", "IDIOM_REDIS_URL"],
  ] as const) {
    test(`ends idiom ${role} with what to do`, { timeout: 30_000 }, async () => {
      const env = { [variable]: "redis://192.0.2.1:6379", IDIOM_STATE: join(FOLDER, `state-${role}`), IDIOM_GRPC_PORT: "0", IDIOM_HTTP_PORT: "0" };
      const { code, stderr } = await runCli([role], { env: { ...env, IDIOM_MODELS: MODELS } });
      assert.equal(code, 2);
      assert.match(stderr, /redis:\/\/192\.0\.2\.1:6379 is on another machine and would be used without a password/);
    });
  }
});
