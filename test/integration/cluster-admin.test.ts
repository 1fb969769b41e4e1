// What one gateway tells of its whole cluster and does to it, while nodes drain, stop answering and die.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { AdminPeer, followLogs, readOn } from "../support/admin.ts";
import { type CommandResult, runCli } from "../support/cli.ts";
import { errorCode, failureOf, inferRequest } from "../support/client.ts";
import { type Gateway, type Role, startGateway, startWorker, Traffic } from "../support/cluster.ts";
import { Lines } from "../support/lines.ts";
import { ModelsFolder } from "../support/models.ts";
import { RedisServer } from "../support/redis.ts";
import { CLI, cleanEnvironment } from "../support/server.ts";
import { tensor } from "../support/tensors.ts";

const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";
const CALLERS = 8;
const LOOK_AGAIN_MS = 50;
const EXPIRES_MS = 60_000;

/** Prints as many lines as it is asked for. */
const CHATTY = "export default ({ x }) => {\n  for (let i = 0; i < x.data[0]; i++) console.log('line', i);\n  return { y: x };\n};\n";
/** Each has a process of its own, whose lines do not yet come faster than the log takes. */
const CHATTY_VERSIONS = ["1", "2", "3", "4"];
/** Lines that each node keeps, see src/telemetry/log-ring.ts. */
const KEPT_LINES = 10_000;

/** A folder of models as each node has one: `echo` answers what it gets and prints it, `other` is in a language that nobody runs. */
function modelsFolder(): ModelsFolder {
  const models = new ModelsFolder().add("echo", { "model.yaml": YAML, "model.mjs": echo(1) }).add("other", { "model.yaml": YAML, "model.R": "" });
  for (const version of CHATTY_VERSIONS) models.add(`chatty/${version}`, { "model.yaml": YAML, "model.mjs": CHATTY });
  return models;
}

function echo(edition: number): string {
  return `export default ({ x }) => {\n  console.log('edition ${edition} got', x.data[0]);\n  return { y: x };\n};\n`;
}

interface Node {
  readonly name: string;
  readonly state: string;
  readonly role: string;
  readonly pid: number;
  readonly runtimes: readonly { readonly language: string }[];
  readonly ready_instances: number;
}

interface Described {
  readonly environment: string;
  readonly summary: { readonly digest: string; readonly ready_nodes: readonly string[] };
  readonly nodes: readonly { readonly node: string; readonly state: string; readonly slots: number; readonly digest: string; readonly reason: string }[];
  readonly instances: readonly { readonly node: string; readonly state: string; readonly pid: number }[];
}

describe("a gateway", { timeout: 120_000 }, () => {
  const redis = new RedisServer();
  const folders = { east: modelsFolder(), west: modelsFolder() };
  let door: Gateway;
  let east: Role;
  let west: Role;
  let admin: AdminPeer;

  const startNode = (name: keyof typeof folders): Promise<Role> =>
    startWorker(redis, folders[name].path, "node", { IDIOM_NODE_NAME: name, IDIOM_RELOAD_INTERVAL: "0s" });
  const idiom = (...args: string[]): Promise<CommandResult> => runCli(args, { env: { IDIOM_SERVER: door.address } });
  const call = async (i: number): Promise<void> => {
    const { y } = await door.client.infer("echo", [tensor("x", "INT32", [i])], { deadline: Date.now() + 10_000 });
    assert.equal(y?.data.readInt32LE(), i);
  };
  const nodes = async (): Promise<Node[]> => (await admin.ask<{ nodes: Node[] }>("ListNodes")).nodes;
  const described = async (): Promise<Described> => (await admin.ask<{ versions: [Described] }>("DescribeModel", { name: "echo" })).versions[0];
  /** Without those of a machine that is busy. */
  const problems = async (): Promise<string[]> =>
    (await admin.ask<{ problems: string[] }>("GetStatus")).problems.filter((problem) => !problem.includes("ms to answer"));
  /** What ServerReady and ModelReady say. */
  const ready = async (): Promise<boolean[]> => {
    const answers = [door.client.call<{ ready: boolean }>("ServerReady", {}), door.client.call<{ ready: boolean }>("ModelReady", { name: "echo" })];
    return (await Promise.all(answers)).map((answer) => answer.ready);
  };
  /** Looks until what is seen is as wanted; each look waits for an answer of the gateway. */
  const until = async <Seen>(look: () => Promise<Seen>, wanted: (seen: Seen) => boolean): Promise<Seen> => {
    for (;;) {
      const seen = await look();
      if (wanted(seen)) return seen;
      await delay(LOOK_AGAIN_MS);
    }
  };

  before(async () => {
    await redis.start();
    door = await startGateway(redis, { IDIOM_NODE_NAME: "door" });
    admin = new AdminPeer(door.address);
  });
  after(async () => {
    admin.close();
    await Promise.all([door, east, west].map((role) => role.end("SIGKILL")));
    await redis.stop();
  });

  test("without a worker takes no calls and says what to start", async () => {
    const http = /HTTP (http:\S+\/healthz)/.exec(door.log.text)?.[1] as string;
    const waiting = /^there is no worker; start one with: idiom worker$/;
    await until(problems, ([problem]) => waiting.test(problem ?? ""));
    const response = await fetch(http);
    const { status, reason } = (await response.json()) as { status: string; reason: string };
    assert.deepEqual([response.status, status], [503, "unavailable"]);
    assert.match(reason, waiting);
    [east, west] = await Promise.all([startNode("east"), startNode("west")]);
    await door.says("", "SERVING");
    await door.says("echo", "SERVING");
    assert.equal((await fetch(http)).status, 200);
  });

  test("shows every process with its role, state and languages", async () => {
    const seen = await until(
      nodes,
      (all) => all.length === 3 && all.every(({ role, ready_instances }) => role === "gateway" || ready_instances === CHATTY_VERSIONS.length + 1),
    );
    assert.deepEqual(
      seen.map(({ name, role, state, pid, runtimes }) => [name, role, state, pid, runtimes.map(({ language }) => language).join()]),
      [
        ["door", "gateway", "serving", door.pid, ""],
        ["east", "worker", "serving", east.pid, "node"],
        ["west", "worker", "serving", west.pid, "node"],
      ],
    );
  });

  test("describes a model with its state on each node and all its instances", async () => {
    const { summary, environment, nodes: on, instances } = await described();
    assert.deepEqual(summary.ready_nodes, ["east", "west"]);
    assert.match(environment, /^[0-9a-f]{64}$/);
    assert.deepEqual(on, [
      { node: "east", state: "ready", slots: 1, digest: summary.digest, environment, reason: "" },
      { node: "west", state: "ready", slots: 1, digest: summary.digest, environment, reason: "" },
    ]);
    assert.deepEqual(instances.map(({ node, state }) => [node, state]).sort(), [
      ["east", "ready"],
      ["west", "ready"],
    ]);
    assert.equal(new Set(instances.map(({ pid }) => pid)).size, 2);
  });

  test("says of a model whose language nobody runs which worker to start", async () => {
    const start = "no worker serves it: none runs r; start one with: idiom worker --runtimes r";
    assert.deepEqual(await problems(), [`model 'other' version '1' is unavailable: ${start}`]);
    const error = await failureOf(door.client.infer("other", [tensor("x", "INT32", [1])]));
    assert.deepEqual([errorCode(error), error.details], ["MODEL_NOT_READY", `model 'other' version '1' is not at ready state: ${start}`]);
  });

  test("follows the logs of both nodes; each line says its node", async () => {
    const follower = spawn(process.execPath, [CLI, "logs", "-f", "echo", "--tail", "0"], {
      env: cleanEnvironment({ IDIOM_SERVER: door.address }),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = new Lines(follower.stdout);
    const traffic = new Traffic(CALLERS, call);
    try {
      for (const node of ["east", "west"]) await lines.first((line) => (line.includes(` ${node} echo/1#1 edition 1 got `) ? line : null));
    } finally {
      follower.kill("SIGKILL");
      await traffic.stop();
    }
    assert.deepEqual(traffic.failures.map(String), []);
    const { stdout } = await idiom("logs", "echo", "--tail", "50", "-o", "json");
    const told = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { node: string; timeMs: number });
    assert.deepEqual([...new Set(told.map(({ node }) => node))].sort(), ["east", "west"]);
    assert.deepEqual(
      told.map(({ timeMs }) => timeMs),
      told.map(({ timeMs }) => timeMs).sort((a, b) => a - b),
    );
  });

  test("tells a reader of the log that does not read how many lines of both nodes it has lost", async () => {
    const chat = (version: string, lines: number) =>
      door.client.modelInfer(inferRequest("chatty", [tensor("x", "INT32", [lines])], "raw", { model_version: version }));
    await chat("1", 1);
    const stream = followLogs(door.address, "chatty");
    await once(stream, "data");
    stream.pause();
    for (const version of CHATTY_VERSIONS) await chat(version, KEPT_LINES);
    const printed = CHATTY_VERSIONS.length * KEPT_LINES;
    const { lost, lines } = await readOn(stream, printed);
    assert.ok(lost > 0, "the reader lost lines");
    assert.equal(lost + lines, printed);
  });

  test("counts the calls of its cluster", async () => {
    await call(0);
    const { versions } = await admin.ask<{ versions: { name: string; requests: string; p99_ms: number }[] }>("GetStatus");
    const load = versions.find(({ name }) => name === "echo");
    assert.ok(Number(load?.requests) > CALLERS && (load?.p99_ms ?? 0) > 0, JSON.stringify(load));
  });

  test("names the node whose files differ from those that serve, and reloads every node", async () => {
    folders.west.add("echo", { "model.mjs": echo(2) });
    const first = await idiom("reload", "-o", "json");
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(
      (JSON.parse(first.stdout) as { node: string; name: string; result: string }[]).map(({ node, name, result }) => [node, name, result]),
      [["west", "echo", "ready"]],
    );
    const [problem] = await until(problems, (all) => all.length === 2);
    assert.match(
      problem ?? "",
      /^model 'echo' version '1': node 'west' has other files \(\w{12}\) than those that serve \(\w{12}\); give all nodes the same folder$/,
    );
    const { nodes: on } = await described();
    assert.deepEqual(
      on.map(({ node, reason }) => [node, reason]),
      [
        ["east", ""],
        ["west", "it has other files than those that serve"],
      ],
    );
    for (const folder of [folders.east, folders.west]) folder.add("echo", { "model.mjs": echo(3) });
    const traffic = new Traffic(CALLERS, call);
    const second = await idiom("reload");
    await until(problems, (all) => all.length === 1);
    await traffic.stop();
    assert.deepEqual(traffic.failures.map(String), []);
    assert.match(second.stdout, /^echo +1 +changed +ready +\w{12} +east\n(?:.*\n)*?echo +1 +changed +ready +\w{12} +west$/m);
  });

  test("drains a worker under traffic without a failed call; it stays there as drained", async () => {
    const traffic = new Traffic(CALLERS, call);
    await traffic.moreAnswers(100);
    const { code, stdout } = await idiom("drain", "west");
    assert.deepEqual([code, stdout], [0, "west drained\n"]);
    await traffic.moreAnswers(100);
    await traffic.stop();
    assert.deepEqual(traffic.failures.map(String), []);
    assert.deepEqual(
      (await nodes()).map(({ name, state }) => [name, state]),
      [
        ["door", "serving"],
        ["east", "serving"],
        ["west", "drained"],
      ],
    );
    assert.equal((await problems())[0], "node 'west' is drained");
  });

  test("is not ready once the last worker drains, and says why; it is ready again with the next one", async () => {
    assert.equal((await idiom("drain", "east")).code, 0);
    await Promise.all([door.says("echo", "NOT_SERVING"), door.says("", "NOT_SERVING")]);
    assert.deepEqual(await ready(), [false, false]);
    const error = await failureOf(call(1));
    assert.equal(error.details, "model 'echo' version '1' is not at ready state: no worker takes calls: node 'east' is drained; node 'west' is drained");
    await Promise.all([east.end("SIGTERM"), west.end("SIGTERM")]);
    [east, west] = await Promise.all([startNode("east"), startNode("west")]);
    await Promise.all([door.says("echo", "SERVING"), door.says("", "SERVING")]);
    assert.deepEqual(await ready(), [true, true]);
    await call(1);
  });

  test("names a node that does not answer, and tells what the others say", async () => {
    await until(nodes, (all) => all.filter(({ state }) => state === "serving").length === 3);
    await described();
    process.kill(west.pid, "SIGSTOP");
    try {
      const { nodes: on, instances } = await described();
      assert.match(on.find(({ node }) => node === "west")?.reason ?? "", /^node 'west' does not answer: /);
      assert.deepEqual(
        instances.map(({ node }) => node),
        ["east"],
      );
    } finally {
      process.kill(west.pid, "SIGCONT");
    }
    await until(described, ({ instances }) => instances.length === 2);
  });

  test("forgets a node that is killed", async () => {
    await west.end("SIGKILL");
    const left = await until(nodes, (all) => all.length === 2);
    assert.deepEqual(
      left.map(({ name }) => name),
      ["door", "east"],
    );
    await call(2);
  });

  test("that is drained itself announces it and refuses new calls", async () => {
    const { code, stdout } = await idiom("drain", "door");
    assert.deepEqual([code, stdout], [0, "door drained\n"]);
    await door.says("", "NOT_SERVING");
    const error = await failureOf(call(3));
    assert.deepEqual([errorCode(error), error.details], ["SHUTTING_DOWN", "this gateway is draining; call another one"]);
    assert.equal((await nodes()).find(({ name }) => name === "door")?.state, "drained");
  });

  test("and its workers leave nothing in Redis that does not expire", async () => {
    admin.close();
    assert.deepEqual(await Promise.all([door, east].map((role) => role.end("SIGTERM"))), [0, 0]);
    // What the jobs' queue holds outlives all processes.
    const ofCalls = [...(await redis.keys())].filter(([name]) => !name.startsWith("{idiom:batch}"));
    for (const [name, ms] of ofCalls) assert.ok(ms >= 0 && ms <= EXPIRES_MS, `${name} has ${ms} ms left`);
  });
});

test("a worker whose Redis is gone stops when it is asked to", { timeout: 60_000 }, async () => {
  const redis = new RedisServer();
  await redis.start();
  const worker = await startWorker(redis, modelsFolder().path, "node");
  await redis.kill();
  try {
    assert.equal(await worker.end("SIGTERM"), 0, worker.log.text);
  } finally {
    redis.client.disconnect();
  }
});
