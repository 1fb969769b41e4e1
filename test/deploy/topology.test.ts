// What docker-compose.yml describes, as processes of this machine, and the calls of the README against it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { runCli, runCommand } from "../support/cli.ts";
import { type Container, type IdiomContainer, Machine } from "../support/compose.ts";
import { DATA } from "../support/data-folder.ts";
import { CLIENTS } from "../support/example-clients.ts";
import { HealthClient } from "../support/health.ts";
import { activeLanguages } from "../support/languages.ts";
import { withKey } from "../support/locked-server.ts";

const EXIT_AUTH = 4;
const MODELS = join(PACKAGE_ROOT, "examples", "models");
const LANGUAGE: Readonly<Record<string, string>> = { "breast-cancer": "python", diabetes: "node", penguins: "r", wine: "java" };

describe("the services of docker-compose.yml", { timeout: 120_000 }, () => {
  const machine = new Machine();
  const running: Container[] = [];
  const models = readdirSync(MODELS).filter((model) => activeLanguages().some((language) => language === LANGUAGE[model]));
  let gateway: IdiomContainer;
  let server: string;
  /** What a caller sets. */
  let env: NodeJS.ProcessEnv;

  before(async () => {
    await machine.makeSecrets();
    for (const name of ["redis", "redis-realtime"]) running.push(await machine.startRedis(name));
    const key = (await machine.run("gateway", ["token", "create", "--name", "me", "--role", "admin"])).trim();
    const workers = activeLanguages().map((language) => machine.startIdiom(`worker-${language}`));
    gateway = await machine.startIdiom("gateway");
    running.unshift(gateway, ...(await Promise.all(workers)));
    server = (gateway.grpc as string).replace("0.0.0.0", "127.0.0.1");
    env = { IDIOM_SERVER: server, IDIOM_API_KEY: key };
    const health = new HealthClient(server, withKey(key));
    for (const model of models) {
      const watch = await health.watch(model);
      if ((await health.check(model).catch(() => "")) !== "SERVING") await watch.until("SERVING");
    }
    health.close();
  });
  after(async () => {
    for (const container of running) await container.stop();
  });

  test("pass the health checks of their images", async () => {
    for (const container of running) if ("healthy" in container) await (container as IdiomContainer).healthy();
  });

  for (const model of models) {
    test(`answer the golden rows of ${model}`, async () => {
      const { request, response } = JSON.parse(readFileSync(join(MODELS, model, "golden", "one-row.json"), "utf8")) as {
        request: object;
        response: { outputs: object[] };
      };
      const { code, stdout, stderr } = await runCli(["predict", model, "--json", JSON.stringify(request), "-o", "json"], { env });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.deepEqual(JSON.parse(stdout), { outputs: response.outputs });
    });
  }

  test("answer the call of the README", { skip: !models.includes("penguins") }, async () => {
    const readme = readFileSync(join(PACKAGE_ROOT, "README.md"), "utf8");
    const [, command = "", answer] = /```sh\nnpx idiom (predict[^`]*)```\n\n```\n([^`]*)```/.exec(readme) ?? [];
    const { code, stdout, stderr } = await runCli([...command.replaceAll("\\\n", " ").trim().split(/\s+/)], { env });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout, answer);
  });

  test("answer Triton's client for Python", { skip: !models.includes("penguins") }, async () => {
    const python = join(DATA, "environments", "clients-python", "bin", "python");
    const { code, stdout, stderr } = await runCommand(python, [join(CLIENTS, "python", "client.py"), "--url", server], { env: { ...process.env, ...env } });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^Adelie +1\.00$/m);
  });

  test("answer a client for Node", { skip: !models.includes("wine") }, async () => {
    const { code, stdout, stderr } = await runCommand(process.execPath, [join(CLIENTS, "node", "client.mjs"), "--url", server], {
      env: { ...process.env, ...env },
    });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^cultivar_1 1\.00$/m);
  });

  test("answer nobody without a key", async () => {
    const { code, stdout } = await runCli(["get", "models"], { env: { IDIOM_SERVER: server } });
    assert.deepEqual([code, stdout], [EXIT_AUTH, ""]);
  });

  test("are one cluster: all nodes are seen, with all models, and all is well", async () => {
    const nodes = JSON.parse((await runCli(["get", "nodes", "-o", "json"], { env })).stdout) as { role: string; state: string }[];
    assert.deepEqual(nodes.map(({ role, state }) => `${role} ${state}`).sort(), ["gateway serving", ...activeLanguages().map(() => "worker serving")]);
    const listed = await runCli(["get", "models", "-o", "name"], { env });
    assert.deepEqual(listed.stdout.trim().split("\n").sort(), [...models].sort());
    const { code, stdout, stderr } = await runCli(["status"], { env });
    assert.equal(code, 0, `${stdout}\n${stderr}`);
  });

  test("end by themselves when they are asked to", async () => {
    for (const container of running) assert.equal(await container.stop(), 0, container.log.text);
  });
});
