// docker-compose.yml as it stands, and its containers as plain processes of this machine.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "yaml";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { findTool } from "../../workers/runtimes.ts";
import { runCommand } from "./cli.ts";
import { DATA } from "./data-folder.ts";
import { environmentOf, execForm, type Instruction, readDockerfile, stagesOf } from "./dockerfile.ts";
import { whyNoLandlock } from "./landlock.ts";
import { Lines } from "./lines.ts";
import { cleanEnvironment } from "./server.ts";

export interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly user: string;
  readonly read_only: boolean;
  readonly init: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

export function readCompose(): Compose {
  return parse(readFileSync(join(PACKAGE_ROOT, "docker-compose.yml"), "utf8"), { merge: true }) as Compose;
}

/** The last stage of a service's Dockerfile: what its container runs in. */
export function imageOf(service: Service): Instruction[] {
  const { context, dockerfile } = service.build as NonNullable<Service["build"]>;
  return stagesOf(readDockerfile(join(PACKAGE_ROOT, context, dockerfile))).at(-1) as Instruction[];
}

const STOP_TIMEOUT_MS = 20_000;
const PROBE_AGAIN_MS = 100;

export interface Container {
  readonly log: Lines;
  /** Ends it as Docker would, and returns its exit code. @throws Error when it does not end. */
  stop(): Promise<number | null>;
}

export interface IdiomContainer extends Container {
  /** `host:port` of the HTTP port. */
  readonly http: string;
  /** `host:port` of the gRPC port; null for a worker. */
  readonly grpc: string | null;
  /** Resolves once the image's own health check passes. */
  healthy(): Promise<void>;
}

/**
 * Runs services as the file says: the same commands, variables, secrets and health checks. Only what a container has of its own differs: ports are
 * free ones of this machine, a service's name is its address, and paths inside are where they lie outside. A machine without landlock
 * confines models strictly.
 */
export class Machine {
  readonly compose = readCompose();
  readonly #folder = mkdtempSync(join(tmpdir(), "idiom-test-compose-"));
  /** `name:port` inside -> address outside. */
  readonly #addresses = new Map<string, string>();

  constructor() {
    process.once("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  /** Makes the secrets as the documentation says. */
  async makeSecrets(): Promise<void> {
    const { code, stderr } = await runCommand("sh", [join(PACKAGE_ROOT, "deploy", "make-secrets.sh"), this.#secretsFolder], { env: process.env });
    if (code !== 0) throw new Error(stderr);
  }

  /** Starts a service of Redis; resolves once it takes commands. */
  async startRedis(name: string): Promise<Container> {
    const service = this.compose.services[name] as Service;
    const port = await freePort();
    this.#addresses.set(`${name}:6379`, `127.0.0.1:${port}`);
    const folder = join(this.#folder, name);
    mkdirSync(folder);
    const [program, ...args] = this.#outside(service, service.command);
    const started = this.#start(findTool(program as string, DATA), [...args, "--port", String(port), "--bind", "127.0.0.1", "--dir", folder], process.env);
    await started.output.first((line) => (/ready to accept connections/i.test(line) ? line : null));
    return { log: started.output, stop: started.stop };
  }

  /** Starts a service of Idiom; resolves once its ports are open. */
  async startIdiom(name: string): Promise<IdiomContainer> {
    const { program, args, env, image } = this.#idiom(name);
    const { log, stop } = this.#start(program, args, env);
    const [grpc, http] = await log.first((line) => /^\w+ (?:ready|listens)\. +(?:gRPC (\S+) +)?HTTP http:\/\/([^/]+)\//.exec(line)?.slice(1, 3) ?? null);
    const [probe, ...probeArgs] = execForm(image, "HEALTHCHECK").map((word) => (word === "healthcheck.mjs" ? join("deploy", word) : word));
    return {
      log,
      stop,
      grpc: grpc ?? null,
      http: http as string,
      async healthy() {
        const port = (http as string).split(":").at(-1);
        while ((await runCommand(programOf(probe as string), probeArgs, { env: { ...env, IDIOM_HTTP_PORT: port } })).code !== 0) await delay(PROBE_AGAIN_MS);
      },
    };
  }

  /** `docker compose run NAME COMMAND`: what it prints. */
  async run(name: string, command: readonly string[]): Promise<string> {
    const { program, args, env } = this.#idiom(name, command);
    const { code, stdout, stderr } = await runCommand(program, args, { env });
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** What a container of a service of Idiom runs, and in which environment; `command` is the service's own unless another is named. */
  #idiom(name: string, command?: readonly string[]) {
    const service = this.compose.services[name] as Service;
    const image = imageOf(service);
    const [program, ...args] = [...execForm(image, "ENTRYPOINT"), ...(command ?? service.command)];
    const variables = { ...environmentOf(image), ...service.environment };
    const outside = Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, this.#outside(service, [value])[0]]));
    const sandbox = whyNoLandlock() === false ? {} : { IDIOM_SANDBOX: "strict" };
    return {
      program: programOf(program as string),
      args,
      env: cleanEnvironment({ ...outside, ...sandbox, IDIOM_GRPC_PORT: "0", IDIOM_HTTP_PORT: "0" }),
      image,
    };
  }

  get #secretsFolder(): string {
    return join(this.#folder, "secrets");
  }

  /** Paths of a service's container as paths of this machine. */
  #outside(service: Service, words: readonly string[]): string[] {
    const places = [
      ...(service.volumes ?? []).map((volume) => this.#volume(volume)),
      ...(service.secrets ?? []).map((secret) => [`/run/secrets/${secret}`, this.#secret(secret)] as const),
    ];
    return words.map((word) => {
      const place = places.find(([inside]) => `${word}/`.startsWith(`${inside}/`));
      return place === undefined ? word : place[1] + word.slice(place[0].length);
    });
  }

  /** Where a volume is seen inside, and where it lies: a folder of the repository, or one of this machine's own for a named volume. */
  #volume(volume: string): readonly [inside: string, outside: string] {
    const [, byDefault, named = "", inside = ""] = /^(?:\$\{\w+:-(.+)\}|(.+?)):(\/[^:]+)(?::ro)?$/.exec(volume) ?? [];
    if (byDefault !== undefined) return [inside, resolve(PACKAGE_ROOT, byDefault)];
    const folder = join(this.#folder, "volumes", named);
    mkdirSync(folder, { recursive: true });
    return [inside, folder];
  }

  /** The file of a secret, with the addresses of this machine in it. */
  #secret(name: string): string {
    const made = join(this.#secretsFolder, (this.compose.secrets[name]?.file ?? "").replace(/^deploy\/secrets\//, ""));
    const file = join(this.#folder, name);
    writeFileSync(
      file,
      readFileSync(made, "utf8").replace(/@([\w-]+:\d+)/, (_whole, inside: string) => `@${this.#addresses.get(inside)}`),
    );
    return file;
  }

  #start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Container & { readonly output: Lines } {
    const child: ChildProcess = spawn(program, args, { cwd: PACKAGE_ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.removeListener("exit", kill));
    const [output, log] = [child.stdout, child.stderr].map((stream) => new Lines(stream as NonNullable<typeof stream>)) as [Lines, Lines];
    return {
      output,
      log,
      async stop() {
        if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
        const exited = once(child, "exit", { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
        child.kill("SIGTERM");
        try {
          return ((await exited) as [number | null])[0];
        } catch (error) {
          kill();
          throw new Error(`it did not end within ${STOP_TIMEOUT_MS} ms; it said:\n${log.text}`, { cause: error });
        }
      },
    };
  }
}

/** The image's node is the one that runs the tests. */
function programOf(name: string): string {
  return name === "node" ? process.execPath : name;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}
