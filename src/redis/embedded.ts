// The Redis that Idiom brings when nobody names one: a supervised child on a UNIX socket, reachable for this user alone.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { IdiomError } from "../core/errors.ts";
import { type ExitCause, runTool, type ServerHandle, spawnServer } from "../process/spawn.ts";
import { connect, type RedisServer, serverAt } from "./connection.ts";

export interface EmbeddedRedis {
  /** It stays the same when the program has to be started again. */
  readonly server: RedisServer;
  stop(): Promise<void>;
}

/** The first version with BLMPOP. */
const OLDEST_MAJOR = 7;
/** UNIX socket paths end at 108 bytes. */
const MAX_SOCKET_PATH = 107;
const FIRST_RESTART_MS = 50;
const LAST_RESTART_MS = 5000;
const STOP_TIMEOUT_MS = 10_000;
/** How long a server whose host has died may take to end. */
const TAKE_OVER_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 50;

/** @throws IdiomError CONFIG_INVALID when the program is older than 7.0, Error when it does not run. */
export async function redisVersion(program: string): Promise<string> {
  const version = /v=([\d.]+)/.exec(await runTool(program, ["--version"]))?.[1] ?? "unknown";
  if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return version;
  throw new IdiomError("CONFIG_INVALID", `${program} is version ${version}, and Idiom needs ${OLDEST_MAJOR} or newer; run: npm run setup`);
}

/**
 * Starts `program` (redis-server or valkey-server, at least 7.0), and again whenever it ends by itself. `persistFolder` is its own as
 * long as it runs, and holds what it held; null: nothing reaches a disk.
 * @throws IdiomError CONFIG_INVALID when it does not start, or when another process has the folder.
 */
export async function startEmbeddedRedis(program: string, persistFolder: string | null, log: Logger): Promise<EmbeddedRedis> {
  const folder = mkdtempSync(join(tmpdir(), "idiom-redis-"));
  const socket = join(folder, "redis.sock");
  const url = `unix://${socket}`;
  let stopping = false;
  let server: ServerHandle;
  try {
    if (Buffer.byteLength(socket) > MAX_SOCKET_PATH)
      throw new IdiomError("CONFIG_INVALID", `${socket} is too long for a UNIX socket; set TMPDIR to a shorter path`);
    server = await launch();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const supervised = supervise();
  return {
    server: serverAt(url),
    async stop() {
      stopping = true;
      server.kill("SIGTERM");
      const late = setTimeout(() => server.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await supervised;
      clearTimeout(late);
      rmSync(folder, { recursive: true, force: true });
    },
  };

  async function launch(): Promise<ServerHandle> {
    const settings = [
      "--port",
      "0",
      "--unixsocket",
      socket,
      "--unixsocketperm",
      "600",
      "--maxmemory-policy",
      "noeviction",
      "--save",
      "",
      "--loglevel",
      "warning",
    ];
    if (persistFolder !== null) mkdirSync(persistFolder, { recursive: true, mode: 0o700 });
    const [command, ...args] =
      persistFolder === null
        ? [program, ...settings, "--appendonly", "no", "--dir", folder]
        : [...holding(persistFolder), program, ...settings, "--appendonly", "yes", "--appendfsync", "everysec", "--dir", persistFolder];
    const giveUpAt = performance.now() + TAKE_OVER_TIMEOUT_MS;
    while (true) {
      const launched = await spawnServer(command as string, args, folder);
      const ended = await answersOrEnds(url, launched);
      if (ended === null) return launched;
      if (persistFolder === null || ended.code !== HELD) throw new IdiomError("CONFIG_INVALID", `the embedded Redis does not start:\n${launched.printed()}`);
      const holder = holderOf(persistFolder);
      if (holder.lives || performance.now() > giveUpAt) throw new IdiomError("CONFIG_INVALID", `${persistFolder} is in use by ${holder.words}; ${WAYS_OUT}`);
      await delay(LOOK_AGAIN_MS);
    }
  }

  async function supervise(): Promise<void> {
    let pauseMs = FIRST_RESTART_MS;
    while (true) {
      const { code, signal } = await server.exited;
      if (stopping) return;
      log.error({ printed: server.printed() }, `the embedded Redis has ended (${signal ?? `status ${code}`}); starting it again`);
      await delay(pauseMs);
      if (stopping) return;
      try {
        server = await launch();
        if (stopping) server.kill("SIGTERM");
        pauseMs = FIRST_RESTART_MS;
      } catch (error) {
        log.error({ error: (error as Error).message }, "the embedded Redis does not start");
        pauseMs = Math.min(2 * pauseMs, LAST_RESTART_MS);
      }
    }
  }
}

/**
 * Null once the server has read what it had written and has the functions that our scripts need, or how it has ended before.
 * @throws Error when it lacks them; then it is ended.
 */
async function answersOrEnds(url: string, server: ServerHandle): Promise<ExitCause | null> {
  const redis = connect(serverAt(url), "blocking");
  try {
    return await Promise.race([redis.eval("return cmsgpack.pack(1)", 0).then(() => null), server.exited]);
  } catch (error) {
    server.kill("SIGKILL");
    throw error;
  } finally {
    redis.disconnect();
  }
}

/** Runs a program with a lock on a file; the kernel takes it back with the last process that has the file open, however that ends. */
const HOLDING = 'exec 9>>"$1"; flock -n 9 || exit $((74 + $?)); echo "$2" >"$1"; shift 2; exec "$@"';
/** The status of the above when another process has the lock. */
const HELD = 75;
const WAYS_OUT = "give this one a state folder of its own with IDIOM_STATE, or let both use one Redis with IDIOM_REDIS_URL";

/** The beginning of a command that alone may use `folder` as long as it runs. */
function holding(folder: string): string[] {
  return ["sh", "-c", HOLDING, "sh", join(folder, "lock"), `${process.pid} ${hostname()}`];
}

/** Who has taken the lock last. It lives on as long as nobody knows better. */
function holderOf(folder: string): { readonly words: string; readonly lives: boolean } {
  const [, pid = "", host = ""] = /^(\d+) (\S+)/.exec(readFileSync(join(folder, "lock"), "utf8")) ?? [];
  if (pid === "") return { words: "another process", lives: true };
  return host === hostname() ? { words: `process ${pid}`, lives: isAlive(Number(pid)) } : { words: `process ${pid} of ${host}`, lives: true };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
