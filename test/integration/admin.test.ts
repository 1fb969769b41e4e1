// What operators see and do, through the command line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { after, before, describe, test } from "node:test";
import { followLogs, readOn } from "../support/admin.ts";
import { type CommandResult, runCli } from "../support/cli.ts";
import { inferRequest } from "../support/client.ts";
import { Lines } from "../support/lines.ts";
import { ModelsFolder } from "../support/models.ts";
import { CLI, cleanEnvironment, type Server, startServer } from "../support/server.ts";
import { tensor } from "../support/tensors.ts";

const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";
const ECHO = { "model.yaml": `${YAML}batching: {max_size: 8}\nlimits: {timeout: 5s}\n`, "model.mjs": "export default ({ x }) => ({ y: x });\n" };
/** Prints as many lines as it is asked for. */
const CHATTY = {
  "model.yaml": YAML,
  "model.mjs": "export default ({ x }) => {\n  for (let i = 0; i < x.data[0]; i++) console.log('line', i);\n  return { y: x };\n};\n",
};
/** Lines that are kept for one server, see src/telemetry/log-ring.ts. */
const KEPT_LINES = 10_000;

/** What a process is called that nobody has named. */
function nameOf(server: Server): string {
  return `${hostname()}-${server.process.pid}`;
}

/** A server with `models`, and the command line that talks to it. */
async function serverWith(models: ModelsFolder): Promise<{ server: Server; idiom(...args: string[]): Promise<CommandResult> }> {
  const server = await startServer({ models: models.path });
  return { server, idiom: (...args) => runCli(args, { env: { IDIOM_SERVER: server.address } }) };
}

describe("a server that runs", () => {
  let server: Server;
  let idiom: (...args: string[]) => Promise<CommandResult>;
  before(async () => {
    const models = new ModelsFolder()
      .add("echo/1", ECHO)
      .add("echo/2", ECHO)
      .add("broken/1", { "model.yaml": YAML, "model.mjs": "throw new Error('no weights');\n" })
      .add("chatty", CHATTY);
    ({ server, idiom } = await serverWith(models));
  });
  after(() => server.stop());

  const json = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await idiom(...args, "-o", "json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };

  test("get models shows one row a model, with the version that answers", async () => {
    const { code, stdout } = await idiom("get", "models", "-o", "wide");
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((row) => row.split(/ {2,}/));
    assert.deepEqual(
      [code, rows],
      [
        0,
        [
          ["NAME", "VERSION", "STATE", "RUNTIME", "VERSIONS", "REASON"],
          ["broken", "1", "failed", "node", "1", "Error: no weights"],
          ["chatty", "1", "ready", "node", "1"],
          ["echo", "2", "ready", "node", "2,1"],
        ],
      ],
    );
  });

  test("get versions names them for a script", async () => {
    const { stdout } = await idiom("get", "versions", "-o", "name");
    assert.deepEqual(stdout.trimEnd().split("\n"), ["broken/1", "chatty/1", "echo/2", "echo/1"]);
  });

  test("get nodes shows the node and its languages", async () => {
    const [node] = (await json("get", "nodes")) as {
      name: string;
      state: string;
      role: string;
      pid: number;
      runtimes: { language: string; problem: string }[];
    }[];
    assert.deepEqual([node?.name, node?.state, node?.role, node?.pid], [nameOf(server), "serving", "up", server.process.pid]);
    assert.equal(node?.runtimes.find(({ language }) => language === "node")?.problem, "");
  });

  test("describe model shows signature, limits and instances", async () => {
    const [version] = (await json("describe", "model", "echo", "--model-version", "1")) as Record<string, unknown>[];
    const { summary, batching, limits, inputs, instances } = version as {
      summary: { version: string; state: string; digest: string };
      batching: object;
      limits: { timeoutMs: number };
      inputs: { name: string; datatype: string; shape: number[] }[];
      instances: { state: string; generation: number; pid: number; digest: string }[];
    };
    assert.deepEqual([summary.version, summary.state, limits.timeoutMs], ["1", "ready", 5000]);
    assert.deepEqual(batching, { maxSize: 8, maxDelayMs: 0, maxBytes: 8 * 2 ** 20 });
    assert.deepEqual(
      inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      [{ name: "x", datatype: "INT32", shape: [-1] }],
    );
    assert.deepEqual(
      instances.map(({ state, generation, pid, digest }) => ({ state, generation, up: pid > 0, digest })),
      [{ state: "ready", generation: 1, up: true, digest: summary.digest }],
    );
  });

  test("describe model says why a version has failed", async () => {
    const { stdout } = await idiom("describe", "model", "broken");
    assert.match(stdout, /State: +failed\nReason: +Error: no weights\n/);
  });

  test("status says what is wrong, and ends with 1", async () => {
    const { code, stdout } = await idiom("status");
    assert.equal(code, 1);
    assert.match(stdout, /takes calls/);
    assert.match(stdout, /! model 'broken' version '1' is failed: Error: no weights/);
  });

  test("top counts the calls; off a terminal it prints once", async () => {
    await server.client.infer("echo", [tensor("x", "INT32", [1])]);
    const { code, stdout } = await idiom("top");
    assert.equal(code, 0);
    assert.match(stdout, /^echo +2 +ready .* 1\/1 +1$/m);
  });

  test("logs prints what a model prints, and that alone", async () => {
    await server.client.infer("chatty", [tensor("x", "INT32", [3])]);
    await server.logged((entry) => entry.model === "chatty" && entry.msg === "line 2");
    const { code, stdout } = await idiom("logs", "chatty", "--tail", "2");
    assert.equal(code, 0);
    assert.match(stdout, /^\S+Z chatty\/1#1 line 1\n\S+Z chatty\/1#1 line 2\n$/);
  });

  test("logs -f goes on with what comes, and ends with 130 at Ctrl-C", async () => {
    const child = spawn(process.execPath, [CLI, "logs", "-f", "chatty", "--tail", "1"], {
      env: cleanEnvironment({ IDIOM_SERVER: server.address }),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = new Lines(child.stdout);
    await lines.first((line) => (line.includes("line 2") ? line : null));
    await server.client.infer("chatty", [tensor("x", "INT32", [1])]);
    await lines.first((line) => (line.includes("line 0") ? line : null));
    const exited = once(child, "exit");
    child.kill("SIGINT");
    assert.deepEqual(await exited, [130, null]);
  });

  for (const [args, code, message] of [
    [["describe", "model", "nosuch"], 3, /'nosuch' is not found/],
    [["logs", "nosuch"], 3, /'nosuch' is not found/],
    [["drain", "nosuch"], 3, /there is no node 'nosuch'; there is: /],
    [["get", "nothing"], 2, /unknown command/],
    [["describe", "thing", "echo"], 2, /cannot describe 'thing'/],
    [["logs", "--tail", "some"], 2, /whole number/],
    [["drain", "x", "--timeout", "soon"], 2, /"30s"/],
  ] as const) {
    test(`${args.join(" ")} ends with ${code}`, async () => {
      const result = await idiom(...args);
      assert.deepEqual([result.code, result.stdout], [code, ""]);
      assert.match(result.stderr, message);
    });
  }
});

test("a reader of the log that does not read loses lines and is told how many", { timeout: 30_000 }, async (t) => {
  // Each has a process of its own, whose lines do not yet come faster than the log takes.
  const versions = ["1", "2", "3", "4"];
  const models = new ModelsFolder();
  for (const version of versions) models.add(`chatty/${version}`, CHATTY);
  const { server } = await serverWith(models);
  t.after(() => server.stop());
  const chat = (version: string, lines: number) =>
    server.client.modelInfer(inferRequest("chatty", [tensor("x", "INT32", [lines])], "raw", { model_version: version }));
  await chat("1", 1);
  const stream = followLogs(server.address, "chatty");
  await once(stream, "data");
  stream.pause();
  for (const version of versions) {
    const since = server.log.count;
    await chat(version, KEPT_LINES);
    await server.logged((entry) => entry.msg === `line ${KEPT_LINES - 1}`, since);
  }
  const printed = versions.length * KEPT_LINES;
  const { lost, lines } = await readOn(stream, printed);
  assert.ok(lost > 0, "the reader lost lines");
  assert.equal(lost + lines, printed);
});

test("a command that reaches no server ends with 6 and says how to start one", async () => {
  const { code, stderr } = await runCli(["status", "--server", "127.0.0.1:1"]);
  assert.equal(code, 6);
  assert.match(stderr, /no Idiom answers at 127\.0\.0\.1:1 .*\nStart one with: npm start/);
});

test("a drained node answers what it has, takes nothing new and says so", async () => {
  const slow =
    "export default async ({ x }) => {\n  console.log('begun');\n  await new Promise((resolve) => setTimeout(resolve, 500));\n  return { y: x };\n};\n";
  const { server, idiom } = await serverWith(new ModelsFolder().add("slow", { "model.yaml": YAML, "model.mjs": slow }));
  try {
    const running = server.client.infer("slow", [tensor("x", "INT32", [1])]);
    await server.logged((entry) => entry.msg === "begun");
    const { code, stdout } = await idiom("drain", nameOf(server));
    assert.deepEqual([code, stdout], [0, `${nameOf(server)} drained\n`]);
    assert.equal((await running)["y"]?.data.readInt32LE(), 1);
    await assert.rejects(server.client.infer("slow", [tensor("x", "INT32", [1])]), /draining/);
    assert.equal(await server.health.check(""), "NOT_SERVING");
    assert.equal((await fetch(`${server.http}/healthz`)).status, 503);
    const reload = await idiom("reload");
    assert.deepEqual([reload.code, /draining/.test(reload.stderr)], [1, true]);
  } finally {
    assert.equal(await server.stop(), 0);
  }
});

test("whoever follows the log does not hold up a stop", async () => {
  const { server } = await serverWith(new ModelsFolder().add("echo", ECHO));
  const stream = followLogs(server.address, "");
  const ended = once(stream, "end");
  stream.resume();
  await server.client.infer("echo", [tensor("x", "INT32", [1])]);
  assert.equal(await server.stop(), 0);
  await ended;
});
