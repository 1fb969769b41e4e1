// The Redis that Idiom brings when nobody names one: a supervised child on a UNIX socket, reachable for this user alone.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { IdiomError } from "../core/errors.ts";
import { runTool, type ServerHandle, spawnServer } from "../process/spawn.ts";
import { connect } from "./connection.ts";

export interface EmbeddedRedis {
  /** `unix://` URL. */
  readonly url: string;
  stop(): Promise<void>;
}

/** UNIX socket paths end at 108 bytes. */
const MAX_SOCKET_PATH = 107;
const OLDEST_MAJOR = 7;

/**
 * Starts `program` (redis-server or valkey-server, at least 7.0). `persistFolder` null: nothing reaches a disk.
 * @throws IdiomError CONFIG_INVALID when it is too old or does not start.
 */
export async function startEmbeddedRedis(program: string, persistFolder: string | null): Promise<EmbeddedRedis> {
  await requireVersion(program);
  const folder = mkdtempSync(join(tmpdir(), "idiom-redis-"));
  chmodSync(folder, 0o700);
  const socket = join(folder, "redis.sock");
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH)
    throw new IdiomError("CONFIG_INVALID", `${socket} is too long for a UNIX socket; set TMPDIR to a shorter path`);
  if (persistFolder !== null) mkdirSync(persistFolder, { recursive: true });
  const persistence =
    persistFolder === null
      ? ["--save", "", "--appendonly", "no", "--dir", folder]
      : ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", persistFolder];
  const server = await spawnServer(program, [
    "--port",
    "0",
    "--unixsocket",
    socket,
    "--unixsocketperm",
    "600",
    "--maxmemory-policy",
    "noeviction",
    "--daemonize",
    "no",
    ...persistence,
  ]);
  try {
    await answering(`unix://${socket}`, server);
  } catch (error) {
    server.kill("SIGKILL");
    throw error;
  }
  return {
    url: `unix://${socket}`,
    async stop() {
      server.kill("SIGTERM");
      await server.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function requireVersion(program: string): Promise<void> {
  const printed = await runTool(program, ["--version"]);
  const major = Number(/v=(\d+)/.exec(printed)?.[1] ?? 0);
  if (major < OLDEST_MAJOR) throw new IdiomError("CONFIG_INVALID", `${program} is version ${major}; Idiom needs Redis or Valkey ${OLDEST_MAJOR} or newer`);
}

async function answering(url: string, server: ServerHandle): Promise<void> {
  const redis = connect(url, "blocking");
  try {
    const died = server.exited.then(({ code }) => {
      throw new IdiomError("CONFIG_INVALID", `the embedded Redis ended with status ${code}:\n${server.printed()}`);
    });
    await Promise.race([redis.eval("return cmsgpack.pack(1)", 0), died]);
  } finally {
    redis.disconnect();
  }
}
