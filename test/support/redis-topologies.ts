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

export interface Certificates {
  readonly folder: string;
  /** What servers and sentinels are told. */
  readonly settings: readonly string[];
  /** What Idiom is told. */
  readonly env: NodeJS.ProcessEnv;
}

/** An authority, a server's certificate for 127.0.0.1 and a client's, made on the spot. */
export async function makeCertificates(): Promise<Certificates> {
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
  return {
    folder,
    settings: [
      `tls-ca-cert-file ${folder}/ca.crt`,
      `tls-cert-file ${folder}/server.crt`,
      `tls-key-file ${folder}/server.key`,
      "tls-auth-clients yes",
      "tls-replication yes",
    ],
    env: { IDIOM_REDIS_CA: `${folder}/ca.crt`, IDIOM_REDIS_CERT: `${folder}/client.crt`, IDIOM_REDIS_KEY: `${folder}/client.key` },
  };
}

/** One server with TLS that wants certificates of its clients, and these users beside the test's own. */
export async function startTls(
  certificates: Certificates,
  users: readonly string[],
): Promise<{ readonly port: number; readonly client: RedisConnection; stop(): Promise<void> }> {
  const [port] = (await freePorts(1)) as [number];
  const server = await start([
    `port 0`,
    `tls-port ${port}`,
    ...certificates.settings,
    `user default on >${PASSWORD} ~* &* +@all`,
    ...users.map((user) => `user ${user}`),
  ]);
  const client = connectAs(`rediss://:${PASSWORD}@127.0.0.1:${port}`, certificates.env);
  return {
    port,
    client,
    async stop() {
      client.disconnect();
      await end(server);
    },
  };
}

/** A primary, a replica and three sentinels, all with TLS and passwords. */
export async function startSentinel(certificates: Certificates): Promise<Topology & { killPrimary(): Promise<void> }> {
  const [primary, replica, ...sentinels] = (await freePorts(5)) as [number, number, ...number[]];
  const common = ["port 0", ...certificates.settings, `requirepass ${PASSWORD}`, `masterauth ${PASSWORD}`];
  const first = await start([...common, `tls-port ${primary}`]);
  const second = await start([...common, `tls-port ${replica}`, `replicaof 127.0.0.1 ${primary}`]);
  // The sentinels look for replicas at once, and then every ten seconds.
  await answers(`rediss://:${PASSWORD}@127.0.0.1:${primary}`, certificates, "replication", /^connected_slaves:1/m);
  const watching = await Promise.all(
    sentinels.map((port) =>
      start(
        [
          ...["port 0", ...certificates.settings, `tls-port ${port}`, "requirepass watch", "sentinel sentinel-pass watch"],
          `sentinel monitor main 127.0.0.1 ${primary} 2`,
          `sentinel auth-pass main ${PASSWORD}`,
          "sentinel down-after-milliseconds main 500",
          "sentinel failover-timeout main 3000",
        ],
        true,
      ),
    ),
  );
  const env = { ...certificates.env, IDIOM_REDIS_SENTINEL_PASSWORD: "watch" };
  const url = `rediss+sentinel://:${PASSWORD}@${sentinels.map((port) => `127.0.0.1:${port}`).join(",")}/main`;
  const client = connectAs(url, env);
  const [sentinel] = sentinels as [number];
  // Without its quorum and the replica a failover could not begin.
  await answers(`rediss://:watch@127.0.0.1:${sentinel}`, certificates, "sentinel", /^master0:.*slaves=1,sentinels=3/m);
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

/** Three primaries with TLS and a password. */
export async function startCluster(certificates: Certificates): Promise<Topology> {
  const ports = await freePorts(6);
  const [nodes, buses] = [ports.slice(0, 3), ports.slice(3)];
  const servers = await Promise.all(
    nodes.map((port, i) =>
      start([
        "port 0",
        `tls-port ${port}`,
        ...certificates.settings,
        "tls-cluster yes",
        "cluster-enabled yes",
        `cluster-port ${buses[i]}`,
        `requirepass ${PASSWORD}`,
      ]),
    ),
  );
  const addresses = nodes.map((port) => `127.0.0.1:${port}`);
  const { folder } = certificates;
  const tls = ["--tls", "--cacert", `${folder}/ca.crt`, "--cert", `${folder}/client.crt`, "--key", `${folder}/client.key`, "-a", PASSWORD, "--no-auth-warning"];
  await runTool(findTool("redis-cli", DATA), [...tls, "--cluster", "create", ...addresses, "--cluster-yes"]);
  const url = `rediss+cluster://:${PASSWORD}@${addresses.join(",")}`;
  const client = connectAs(url, certificates.env);
  return {
    url,
    env: certificates.env,
    client,
    async stop() {
      client.disconnect();
      await Promise.all(servers.map(end));
    },
  };
}

/** Resolves once a section of INFO says so. */
async function answers(url: string, { env }: Certificates, section: string, wanted: RegExp): Promise<void> {
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
