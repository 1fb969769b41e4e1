// `idiom up --processes 2`: two processes behind one port, together and one after the other's death.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { runCli } from "../support/cli.ts";
import { Client, failureOf } from "../support/client.ts";
import { Traffic } from "../support/cluster.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, type ServerOptions, startServer } from "../support/server.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const CONNECTIONS = 4;
const CALLERS = 8;
const LOOK_AGAIN_MS = 20;
/** What lasts so long hangs. */
const HANGS_MS = 10_000;
const EXIT = { ok: 0, failed: 1 };

const YAML =
  "inputs: [{name: x, datatype: INT32, shape: [1]}]\noutputs: [{name: y, datatype: INT32, shape: [1]}, {name: instance, datatype: INT32, shape: [1]}, {name: revision, datatype: INT32, shape: [1]}]\n";

/** A model of which each instance has a number of its own. */
function revision(number: number): Readonly<Record<string, string>> {
  const code = `const instance = Math.floor(Math.random() * 2 ** 31);\n\nexport default ({ x }) => ({ y: x.data[0], instance, revision: ${number} });\n`;
  return { "model.yaml": YAML, "model.mjs": code };
}

interface Health {
  readonly status: string;
  readonly models: readonly { readonly name: string; readonly state: string }[];
  readonly processes: readonly { readonly name: string; readonly pid: number; readonly status: string }[];
}

async function healthOf(server: Server): Promise<Health> {
  return (await (await fetch(`${server.http}/healthz`)).json()) as Health;
}

async function whole(server: Server): Promise<Health> {
  for (;;) {
    const health = await healthOf(server);
    if (health.processes.every((process) => process.status === "ok")) return health;
    await delay(LOOK_AGAIN_MS);
  }
}

async function gone(pids: readonly number[]): Promise<void> {
  const alive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  while (pids.some(alive)) await delay(LOOK_AGAIN_MS);
}

/** Every process that has come from this one. */
function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

const startTwo = (models: ModelsFolder, more: Partial<ServerOptions> = {}): Promise<Server> =>
  startServer({ models: models.path, flags: ["--processes", "2"], ...more });

/** Clients with a connection of their own each: as many connections, as many turns. */
function connect(server: Server): Client[] {
  return Array.from({ length: CONNECTIONS }, () => new Client(server.address, { "grpc.use_local_subchannel_pool": 1 }));
}

describe("two processes", { timeout: 60_000 }, () => {
  const models = new ModelsFolder().add("who", revision(1));
  let server: Server;
  let clients: Client[];
  before(async () => {
    server = await startTwo(models, { env: { IDIOM_RELOAD_INTERVAL: "100ms" } });
    clients = connect(server);
  });
  after(async () => {
    for (const client of clients) client.close();
    await server.stop();
  });

  const seen = new Set<number>();
  const revisions = new Set<number>();
  /** The i-th call, over one connection after the other. */
  const ask = async (i: number): Promise<void> => {
    const { y, instance, revision } = await (clients[i % CONNECTIONS] as Client).infer("who", [tensor("x", "INT32", [i])], { deadline: Date.now() + HANGS_MS });
    assertSameTensor(y, tensor("y", "INT32", [i]));
    seen.add(instance?.data.readInt32LE() ?? 0);
    revisions.add(revision?.data.readInt32LE() ?? 0);
  };
  const asked = (): Promise<number> => server.metric("idiom_requests_total", { model: "who" });

  test("share the calls to one port", async () => {
    await Promise.all(Array.from({ length: 40 }, (_, i) => ask(i)));
    assert.equal(seen.size, 2, `answered by ${seen.size} instances`);
  });

  test("are one in /healthz and /metrics", async () => {
    const { status, models, processes } = await healthOf(server);
    assert.deepEqual([status, models.map(({ name, state }) => [name, state])], ["ok", [["who", "ready"]]]);
    assert.deepEqual(
      processes.map((process) => [process.name.at(-1), process.status]),
      [
        ["1", "ok"],
        ["2", "ok"],
      ],
    );
    const before = await asked();
    await Promise.all(Array.from({ length: 12 }, (_, i) => ask(i)));
    assert.equal((await asked()) - before, 12);
  });

  test("are two nodes to whoever asks one of them", async () => {
    const { stdout } = await runCli(["get", "nodes", "-o", "json"], { env: { IDIOM_SERVER: server.address } });
    const nodes = JSON.parse(stdout) as { name: string; state: string }[];
    const { processes } = await healthOf(server);
    assert.deepEqual(nodes.map(({ name, state }) => [name, state]).sort(), processes.map(({ name }) => [name, "serving"]).sort());
  });

  test("take over a changed model without a failed call", async () => {
    const traffic = new Traffic(CALLERS, ask);
    await traffic.moreAnswers(50);
    models.add("who", revision(2));
    while (!revisions.has(2)) await traffic.moreAnswers(1);
    do {
      revisions.clear();
      await traffic.moreAnswers(100);
    } while (revisions.has(1));
    await traffic.stop();
    assert.deepEqual(traffic.failures.map(String), []);
  });

  test("lose no call when one of them is asked to end, and are two again", async () => {
    const { processes } = await whole(server);
    const traffic = new Traffic(CALLERS, ask);
    await traffic.moreAnswers(50);
    const ending = processes[0]?.pid as number;
    process.kill(ending, "SIGTERM");
    await gone([ending]);
    await whole(server);
    await traffic.moreAnswers(100);
    await traffic.stop();
    assert.deepEqual(traffic.failures.map(String), []);
  });

  test("lose at most the calls of one that is killed, count on, and are two again", async () => {
    const { processes } = await whole(server);
    const traffic = new Traffic(CALLERS, ask);
    await traffic.moreAnswers(50);
    const before = await asked();
    process.kill(processes[1]?.pid as number, "SIGKILL");
    await server.log.first((line) => (/"it ended \(SIGKILL\); the next one starts now"/.test(line) ? line : null));
    await traffic.moreAnswers(50);
    assert.ok((await asked()) >= before, "a counter fell");
    await whole(server);
    seen.clear();
    for (const client of clients.splice(0)) client.close();
    clients.push(...connect(server));
    await traffic.moreAnswers(100);
    await traffic.stop();
    assert.ok(traffic.failures.length <= CALLERS + CONNECTIONS, `${traffic.failures.length} calls failed`);
    for (const failure of traffic.failures) assert.ok([status.UNAVAILABLE, status.CANCELLED].includes(failure.code), String(failure));
    assert.equal(seen.size, 2, `answered by ${seen.size} instances`);
  });
});

test("SIGTERM to two processes: both answer what runs in them, and nothing is left", { timeout: 30_000 }, async () => {
  const server = await startTwo(new ModelsFolder().addFixture("slow", "node", "slow"));
  const pids = descendants(server.process.pid as number);
  const clients = connect(server);
  const running = clients.map((client) => client.infer("slow", [tensor("x", "INT32", [700])]));
  await Promise.all(clients.map((client) => client.call("ServerLive", {})));
  assert.equal(await server.stop(), EXIT.ok, server.log.text);
  for (const { y } of await Promise.all(running)) assertSameTensor(y, tensor("y", "INT32", [700]));
  await gone(pids);
  assert.equal((await failureOf((clients[0] as Client).call("ServerLive", {}))).code, status.UNAVAILABLE);
  for (const client of clients) client.close();
});

test("nothing is left of two processes whose parent is killed", { timeout: 30_000 }, async () => {
  const server = await startTwo(new ModelsFolder().add("who", revision(1)));
  const pids = descendants(server.process.pid as number);
  server.process.kill("SIGKILL");
  await gone(pids);
  await server.stop();
});

test("a port that is taken stops the start of two processes, and is said once", { timeout: 30_000 }, async (t) => {
  const listener = createServer();
  t.after(() => listener.close());
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const { port } = listener.address() as AddressInfo;
  const models = new ModelsFolder().add("who", revision(1));
  const { code, stderr } = await runCli(["up", "--processes", "2", "--models", models.path, "--grpc-port", String(port), "--http-port", "0"]);
  assert.equal(code, EXIT.failed, stderr);
  assert.equal(stderr.match(/the port is taken by another program/g)?.length, 1, stderr);
});
