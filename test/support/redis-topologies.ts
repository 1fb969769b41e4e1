// Redis as others run it: with TLS and users, behind Sentinel, as a cluster. Real servers on free ports, ended with this process.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadConfig } from "../../src/config/config.ts";
import { runTool } from "../../src/process/spawn.ts";
import { connect, type RedisConnection, type RedisServer } from "../../src/redis/connection.ts";
import { findTool } from "../../workers/runtimes.ts";
import type { SharedRedis } from "./cluster.ts";
import { DATA } from "./data-folder.ts";
import { processFolder } from "./folders.ts";
import { Lines } from "./lines.ts";

const LOOK_AGAIN_MS = 50;
export const PASSWORD = "s3cret";

/** A Redis that is shared, and what a role's environment must say of it besides the URL. */
export interface Topology extends SharedRedis {
  readonly env: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/** How servers, sentinels and clients talk to each other. */
export interface Transport {
  /** The first part of a URL. */
  readonly scheme: "redis" | "rediss";
  /** What servers and sentinels are told. */
  settings(port: number): readonly string[];
  /** What Idiom is told. */
  readonly env: NodeJS.ProcessEnv;
  /** What redis-cli is told. */
  readonly flags: readonly string[];
}

export const PLAIN: Transport = { scheme: "redis", settings: (port) => [`port ${port}`], env: {}, flags: [] };

/** TLS with an authority, a server's certificate for 127.0.0.1 and a client's, made on the spot. */
export async function makeTls(): Promise<Transport> {
  const folder = processFolder();
  const make = (name: string, ...more: string[]): Promise<string> => {
    const files = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.crt`)];
    return runTool(findTool("openssl", DATA), [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
      ...files,
      ...more,
    ]);
  };
  const signed = ["-CA", join(folder, "ca.crt"), "-CAkey", join(folder, "ca.key")];
  await make("ca");
  await make("server", ...signed, "-addext", "subjectAltName=IP:127.0.0.1");
  await make("client", ...signed);
  const [ca, cert, key] = ["ca.crt", "client.crt", "client.key"].map((name) => join(folder, name)) as [string, string, string];
  return {
    scheme: "rediss",
    settings: (port) => [
      "port 0",
      `tls-port ${port}`,
      `tls-ca-cert-file ${ca}`,
      `tls-cert-file ${folder}/server.crt`,
      `tls-key-file ${folder}/server.key`,
      "tls-auth-clients yes",
      "tls-replication yes",
    ],
    env: { IDIOM_REDIS_CA: ca, IDIOM_REDIS_CERT: cert, IDIOM_REDIS_KEY: key },
    flags: ["--tls", "--cacert", ca, "--cert", cert, "--key", key],
  };
}

/** One server with TLS that wants certificates of its clients, and these users beside the test's own. */
export async function startTls(
  tls: Transport,
  users: readonly string[],
): Promise<{ readonly port: number; readonly client: RedisConnection; stop(): Promise<void> }> {
  const [port] = (await freePorts(1)) as [number];
  const server = await start([...tls.settings(port), `user default on >${PASSWORD} ~* &* +@all`, ...users.map((user) => `user ${user}`)]);
  const client = connectAs(`rediss://:${PASSWORD}@127.0.0.1:${port}`, tls.env);
  return {
    port,
    client,
    async stop() {
      client.disconnect();
      await end(server);
    },
  };
}

/** A primary, a replica and three sentinels, all with passwords. */
export async function startSentinel({ scheme, settings, env: transport }: Transport): Promise<Topology & { killPrimary(): Promise<void> }> {
  const [primary, replica, ...sentinels] = (await freePorts(5)) as [number, number, ...number[]];
  const passwords = [`requirepass ${PASSWORD}`, `masterauth ${PASSWORD}`];
  const first = await start([...settings(primary), ...passwords]);
  const second = await start([...settings(replica), ...passwords, `replicaof 127.0.0.1 ${primary}`]);
  // The sentinels look for replicas at once, and then every ten seconds.
  await answers(`${scheme}://:${PASSWORD}@127.0.0.1:${primary}`, transport, "replication", /^connected_slaves:1/m);
  const watching = await Promise.all(
    sentinels.map((port) =>
      start(
        [
          ...[...settings(port), "requirepass watch", "sentinel sentinel-pass watch"],
          `sentinel monitor main 127.0.0.1 ${primary} 2`,
          `sentinel auth-pass main ${PASSWORD}`,
          "sentinel down-after-milliseconds main 500",
          "sentinel failover-timeout main 3000",
        ],
        true,
      ),
    ),
  );
  const env = { ...transport, IDIOM_REDIS_SENTINEL_PASSWORD: "watch" };
  const url = `${scheme}+sentinel://:${PASSWORD}@${sentinels.map((port) => `127.0.0.1:${port}`).join(",")}/main`;
  const client = connectAs(url, env);
  const [sentinel] = sentinels as [number];
  // Without its quorum and the replica a failover could not begin.
  await answers(`${scheme}://:watch@127.0.0.1:${sentinel}`, transport, "sentinel", /^master0:.*slaves=1,sentinels=3/m);
  return {
    url,
    env,
    client,
    killPrimary: () => end(first),
    async stop() {
      client.disconnect();
      await Promise.all([first, second, ...watching].map(end));
    },
  };
}

/** Three primaries with a password. */
export async function startCluster({ scheme, settings, env, flags }: Transport): Promise<Topology> {
  const ports = await freePorts(6);
  const [nodes, buses] = [ports.slice(0, 3), ports.slice(3)];
  const servers = await Promise.all(
    nodes.map((port, i) =>
      start([
        ...settings(port),
        ...(scheme === "rediss" ? ["tls-cluster yes"] : []),
        "cluster-enabled yes",
        `cluster-port ${buses[i]}`,
        `requirepass ${PASSWORD}`,
      ]),
    ),
  );
  const addresses = nodes.map((port) => `127.0.0.1:${port}`);
  await runTool(findTool("redis-cli", DATA), [...flags, "-a", PASSWORD, "--no-auth-warning", "--cluster", "create", ...addresses, "--cluster-yes"]);
  const url = `${scheme}+cluster://:${PASSWORD}@${addresses.join(",")}`;
  const client = connectAs(url, env);
  return {
    url,
    env,
    client,
    async stop() {
      client.disconnect();
      await Promise.all(servers.map(end));
    },
  };
}

/** Resolves once a section of INFO says so. */
async function answers(url: string, env: NodeJS.ProcessEnv, section: string, wanted: RegExp): Promise<void> {
  const redis = connectAs(url, env);
  while (!wanted.test(await redis.info(section))) await delay(LOOK_AGAIN_MS);
  redis.disconnect();
}

function connectAs(url: string, env: NodeJS.ProcessEnv): RedisConnection {
  const { redisTls: tls, redisSentinel: sentinel } = loadConfig(env);
  return connect({ url, tls, sentinel } satisfies RedisServer, "blocking");
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const server of running) server.kill("SIGKILL");
});

/** Resolves once it takes commands. */
async function start(lines: readonly string[], sentinel = false): Promise<ChildProcess> {
  const folder = processFolder();
  const config = join(folder, "redis.conf");
  writeFileSync(config, [`dir ${folder}`, ...(sentinel ? [] : ['save ""', "appendonly no"]), ...lines, ""].join("\n"));
  const server = spawn(findTool("redis-server", DATA), [config, ...(sentinel ? ["--sentinel"] : [])], { stdio: ["ignore", "pipe", "inherit"] });
  running.add(server);
  server.once("exit", () => running.delete(server));
  await new Lines(server.stdout).first((line) => (/ready to accept connections|\+monitor master/i.test(line) ? line : null));
  return server;
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, "exit");
  server.kill("SIGKILL");
  await exited;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
