// One configuration: a file, the environment and flags become one frozen object. An unknown key or a wrong value stops the start.
import { readFileSync } from "node:fs";
import { availableParallelism, hostname, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { IdiomError } from "../core/errors.ts";
import { MAX_TIMER_MS } from "../core/limits.ts";
import { SANDBOX_LEVELS } from "../core/sandbox-level.ts";
import { parseDuration, parseSize } from "../core/units.ts";
import { PACKAGE_ROOT } from "../package-root.ts";

/** A number, or text as `parse` reads it: the environment and flags have only text. */
const numberOrText = (parse: (text: string) => number | null, example: string) =>
  z.unknown().transform((value, context) => {
    if (typeof value !== "string") return value;
    const number = parse(value);
    if (number !== null) return number;
    context.addIssue({ code: "custom", message: `"${value}" is not understood; write it like ${example}` });
    return z.NEVER;
  });

const parseInteger = (text: string): number | null => (/^\d+$/.test(text) ? Number(text) : null);

/** Yes or no, as text where there is only text. */
const flag = z.union([z.boolean(), z.enum(["true", "1", "false", "0"]).transform((text) => text === "true" || text === "1")]);

const port = numberOrText(parseInteger, "8001").pipe(z.number().int().min(0).max(65535));
const count = numberOrText(parseInteger, "100").pipe(z.number().int().positive());
const size = numberOrText(parseSize, '"64MiB"').pipe(z.number().int().positive());
/** At most what a timer can wait; beyond, it would fire at once. */
const duration = numberOrText(parseDuration, '"30s"').pipe(z.number().int().min(0).max(MAX_TIMER_MS));

/** Of a file. */
const path = z
  .string()
  .transform((text) => resolve(text))
  .nullable()
  .default(null);

const secret = z.string().min(1).nullable().default(null);

/** Far beyond what one machine has use for. */
const MAX_PROCESSES = 256;

const configSchema = z.strictObject({
  /** What this process is called in logs, in `get nodes` and for `drain`. */
  nodeName: z
    .string()
    .regex(/^[\w.-]{1,100}$/, "a name has up to 100 letters, digits, dots, dashes and underscores")
    .default(() => `${hostname()}-${process.pid}`),
  /** Address to bind. */
  host: z.string().min(1).default("127.0.0.1"),
  grpcPort: port.default(8001),
  httpPort: port.default(8000),
  /** PEM files: our certificate with its chain, its key, and the authority that signs the certificates of clients where they must have one. */
  tls: z
    .strictObject({ certFile: path, keyFile: path, clientCaFile: path })
    .refine(({ certFile, keyFile }) => (certFile === null) === (keyFile === null), "certFile and keyFile belong together: name both or none")
    .refine(
      ({ certFile, clientCaFile }) => certFile !== null || clientCaFile === null,
      "clientCaFile needs certFile and keyFile: only TLS asks for certificates",
    )
    .prefault({})
    .readonly(),
  /** Answers others than this machine without TLS, because something in front of it encrypts, or the network is trusted. */
  insecure: flag.default(false),
  /** The file of API keys. Named, it is asked for on loopback too; without it, `api-keys.json` in `state`, for others than this machine. */
  apiKeys: path,
  /** Processes of `idiom up` that share the gRPC port, each with its own instances of every model. */
  processes: numberOrText(parseInteger, "2").pipe(z.number().int().min(1).max(MAX_PROCESSES)).default(1),
  /** The folder that holds a folder per model. */
  models: z.string().default(join(PACKAGE_ROOT, "examples", "models")),
  /** How often that folder is looked at for changes; 0: only when asked. */
  reloadIntervalMs: duration.default(2000),
  /** Environments, built harnesses, caches. */
  data: z.string().default(join(PACKAGE_ROOT, ".idiom")),
  /** What must outlive the process: the durable Redis, jobs and their files. Without it, the folder `state` in `data`. */
  state: z.string().optional(),
  /** How models are confined; a level that cannot be had stops the start. */
  sandbox: z.enum(SANDBOX_LEVELS).default("strict"),
  /** The most that a model.yaml may ask for. */
  limits: z
    .strictObject({
      maxMemoryBytes: size.default(totalmem()),
      maxCpus: count.default(availableParallelism()),
      maxPids: count.default(1024),
      maxTmpBytes: size.default(2 ** 30),
      /** Names of the models that may use the network; what they ask for with `limits.network: allow`. */
      network: z.array(z.string()).default([]),
    })
    .prefault({})
    .readonly(),
  logLevel: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
  /** Redis for everything, by URL; without one Idiom starts its own. */
  redisUrl: z.string().optional(),
  /** Redis for the realtime lane alone; without one it is `redisUrl`. */
  realtimeRedisUrl: z.string().optional(),
  /** PEM files for `rediss`: the authority that signed the server's certificate, and our own certificate where the server wants one. */
  redisTls: z
    .strictObject({ caFile: path, certFile: path, keyFile: path })
    .refine(({ certFile, keyFile }) => (certFile === null) === (keyFile === null), "certFile and keyFile belong together: name both or none")
    .prefault({})
    .readonly(),
  /** Speaks to a Redis on another machine without TLS, because the network is trusted. */
  redisInsecure: flag.default(false),
  /** Who we are to the sentinels; user and password of the URL are for the servers. */
  redisSentinel: z
    .strictObject({ username: z.string().nullable().default(null), password: z.string().nullable().default(null) })
    .prefault({})
    .readonly(),
  lanes: z
    .strictObject({
      realtime: z
        .strictObject({
          /** Whether a call may skip Redis while a slot of this process is free. */
          direct: z.boolean().default(true),
        })
        .prefault({}),
    })
    .prefault({}),
  /** Longest gRPC message, in bytes. */
  maxMessageBytes: size.default(64 * 2 ** 20),
  /** How long a stop waits for what runs. */
  drainTimeoutMs: duration.default(30_000),
  instances: z
    .strictObject({
      /** Most instances of all models on this node; without one: as many as the models ask for. */
      max: count.optional(),
      /** Bound on the sum of their `limits.memory`. */
      memory: size.optional(),
      /** When a request has waited for so long while every instance of its model is busy, another one starts. */
      growAfterMs: duration.default(100),
      /** An instance beyond `instances.min` leaves after so long without work. */
      idleAfterMs: duration.default(5 * 60_000),
    })
    .prefault({})
    .readonly(),
  /** Folders whose files, and `s3://bucket/prefix` whose objects jobs may read and write by path; in the environment with : between them. None: jobs upload and download. */
  batchRoots: z.union([z.array(z.string().min(1)), z.string().transform((text) => text.split(/:(?!\/\/)/).filter(Boolean))]).default([]),
  /** The object store of the roots that begin with s3://. */
  s3: z
    .strictObject({
      /** Of a store that is not Amazon's: `https://host:port`. */
      endpoint: z
        .url({ protocol: /^https?$/ })
        .nullable()
        .default(null),
      region: z.string().min(1).default("us-east-1"),
      accessKeyId: secret,
      secretAccessKey: secret,
      /** Of keys that end by themselves. */
      sessionToken: secret,
      /** Whether the bucket is part of the path instead of the host's name; null: only with an endpoint. */
      pathStyle: flag.nullable().default(null),
    })
    .prefault({})
    .readonly(),
  batch: z
    .strictObject({
      /** Share of a model's time that rows of jobs get at least while realtime calls wait. */
      floor: z.number().min(0).max(0.9).default(0.1),
      /** Jobs of one model version that run at a time, over all gateways. */
      jobsPerModel: count.default(2),
      /** How long a job and its files are kept once it has ended. */
      ttlMs: duration.default(7 * 24 * 3_600_000),
    })
    .prefault({})
    .readonly(),
  queue: z
    .strictObject({
      /** Requests that may wait for one version on this node. */
      maxRequests: count.default(10_000),
      maxBytes: size.default(256 * 2 ** 20),
    })
    .prefault({})
    .readonly(),
});

export type Config = Readonly<z.infer<typeof configSchema> & { readonly state: string }>;

/** Environment variable -> path in the configuration. */
const ENVIRONMENT: Record<string, string> = {
  IDIOM_NODE_NAME: "nodeName",
  IDIOM_HOST: "host",
  IDIOM_GRPC_PORT: "grpcPort",
  IDIOM_HTTP_PORT: "httpPort",
  IDIOM_TLS_CERT: "tls.certFile",
  IDIOM_TLS_KEY: "tls.keyFile",
  IDIOM_TLS_CLIENT_CA: "tls.clientCaFile",
  IDIOM_INSECURE: "insecure",
  IDIOM_REDIS_INSECURE: "redisInsecure",
  IDIOM_API_KEYS: "apiKeys",
  IDIOM_PROCESSES: "processes",
  IDIOM_MODELS: "models",
  IDIOM_RELOAD_INTERVAL: "reloadIntervalMs",
  IDIOM_DATA: "data",
  IDIOM_BATCH_ROOTS: "batchRoots",
  IDIOM_S3_ENDPOINT: "s3.endpoint",
  IDIOM_S3_REGION: "s3.region",
  IDIOM_S3_ACCESS_KEY_ID: "s3.accessKeyId",
  IDIOM_S3_SECRET_ACCESS_KEY: "s3.secretAccessKey",
  IDIOM_S3_SESSION_TOKEN: "s3.sessionToken",
  IDIOM_S3_PATH_STYLE: "s3.pathStyle",
  IDIOM_STATE: "state",
  IDIOM_SANDBOX: "sandbox",
  IDIOM_LOG_LEVEL: "logLevel",
  IDIOM_REDIS_URL: "redisUrl",
  IDIOM_REALTIME_REDIS_URL: "realtimeRedisUrl",
  IDIOM_REDIS_CA: "redisTls.caFile",
  IDIOM_REDIS_CERT: "redisTls.certFile",
  IDIOM_REDIS_KEY: "redisTls.keyFile",
  IDIOM_REDIS_SENTINEL_USER: "redisSentinel.username",
  IDIOM_REDIS_SENTINEL_PASSWORD: "redisSentinel.password",
};

/** What other programs go by, the first of a key before the next. */
const AWS_STORE: Record<string, string> = {
  AWS_ENDPOINT_URL_S3: "s3.endpoint",
  AWS_ENDPOINT_URL: "s3.endpoint",
  AWS_REGION: "s3.region",
  AWS_DEFAULT_REGION: "s3.region",
};

/** One identity. */
const AWS_KEYS: Record<string, string> = {
  AWS_ACCESS_KEY_ID: "s3.accessKeyId",
  AWS_SECRET_ACCESS_KEY: "s3.secretAccessKey",
  AWS_SESSION_TOKEN: "s3.sessionToken",
};

/**
 * Flags win over the environment, the environment over the file (IDIOM_CONFIG, YAML); AWS_* are the defaults of `s3` where a root is in S3. Each variable may instead name a file that holds
 * its value, as in IDIOM_REDIS_URL_FILE: so that a secret need not stand in the environment.
 * @throws IdiomError CONFIG_INVALID naming each key and where it came from.
 */
export function loadConfig(env: NodeJS.ProcessEnv, flags: Readonly<Record<string, unknown>> = {}): Config {
  const file = env["IDIOM_CONFIG"];
  const merged: Record<string, unknown> = { ...(file === undefined || file === "" ? {} : readConfigFile(file)) };
  for (const [variable, key] of Object.entries(ENVIRONMENT)) {
    const value = environmentValue(env, variable);
    if (value !== null) assign(merged, key, value);
  }
  for (const [key, value] of Object.entries(flags)) if (value !== undefined) merged[key] = value;
  takeFromAws(env, merged);
  const parsed = configSchema.safeParse(merged);
  if (!parsed.success) throw new IdiomError("CONFIG_INVALID", parsed.error.issues.map((issue) => describe(issue, file)).join("\n"));
  const { models, data, state = join(data, "state") } = parsed.data;
  return Object.freeze({ ...parsed.data, models: resolve(models), data: resolve(data), state: resolve(state) });
}

/** The keys of one who has keys here already stay out: an access key of theirs and a session token of the shell's are nobody. */
function takeFromAws(env: NodeJS.ProcessEnv, settings: Record<string, unknown>): void {
  if (![settings["batchRoots"]].flat().some((root) => String(root).includes("s3://"))) return;
  const said = (key: string): boolean => settingOf(settings, key) !== null;
  const defaults = Object.values(AWS_KEYS).some(said) ? AWS_STORE : { ...AWS_STORE, ...AWS_KEYS };
  for (const [variable, key] of Object.entries(defaults)) {
    const value = said(key) ? null : environmentValue(env, variable);
    if (value !== null) assign(settings, key, value);
  }
}

function settingOf(settings: Record<string, unknown>, key: string): unknown {
  const [section = "", name = ""] = key.split(".");
  return (settings[section] as Record<string, unknown> | null | undefined)?.[name] ?? null;
}

/** `key` may have a section, as in `redisTls.caFile`. */
function assign(settings: Record<string, unknown>, key: string, value: unknown): void {
  const [first, second] = key.split(".") as [string, string?];
  settings[first] = second === undefined ? value : { ...(settings[first] as object | undefined), [second]: value };
}

/** What a variable says, itself or in the file that its `_FILE` names; null for nothing. */
function environmentValue(env: NodeJS.ProcessEnv, variable: string): string | null {
  const { [variable]: value, [`${variable}_FILE`]: file } = env;
  if (file === undefined || file === "") return value || null;
  if (value) throw new IdiomError("CONFIG_INVALID", `${variable} and ${variable}_FILE are both set; unset one of them`);
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new IdiomError("CONFIG_INVALID", `${variable}_FILE=${file}: ${(error as Error).message}`);
  }
}

function readConfigFile(path: string): Record<string, unknown> {
  try {
    return (parse(readFileSync(path, "utf8")) as Record<string, unknown> | null) ?? {};
  } catch (error) {
    throw new IdiomError("CONFIG_INVALID", `IDIOM_CONFIG=${path}: ${(error as Error).message}`);
  }
}

function describe(issue: z.core.$ZodIssue, file: string | undefined): string {
  if (issue.code === "unrecognized_keys") {
    return `${file ?? "configuration"}: unknown key ${issue.keys.map((key) => `'${[...issue.path, key].join(".")}'`).join(", ")}`;
  }
  const key = issue.path.join(".");
  const variables = Object.entries({ ...ENVIRONMENT, ...AWS_STORE, ...AWS_KEYS }).filter(([, itsKey]) => itsKey === key);
  return `${key}${variables.length === 0 ? "" : ` (${variables.map(([name]) => name).join(", ")})`}: ${issue.message}`;
}
