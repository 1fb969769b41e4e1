import assert from "node:assert/strict";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { type Config, loadConfig } from "../../../src/config/config.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { idiomError } from "../../support/idiom-error.ts";

/** The environment that names a configuration file with this content. */
function withFile(t: TestContext, yaml: string): { IDIOM_CONFIG: string } {
  return { IDIOM_CONFIG: join(temporaryFolder(t, { "idiom.yaml": yaml }), "idiom.yaml") };
}

const DEFAULTS = loadConfig({});

test("without file, environment or flags there are defaults, and the address is this machine alone", () => {
  const { host, grpcPort, httpPort, logLevel, maxMessageBytes, drainTimeoutMs, queue } = DEFAULTS;
  assert.deepEqual(
    { host, grpcPort, httpPort, logLevel, maxMessageBytes, drainTimeoutMs, queue },
    {
      host: "127.0.0.1",
      grpcPort: 8001,
      httpPort: 8000,
      logLevel: "info",
      maxMessageBytes: 64 * 2 ** 20,
      drainTimeoutMs: 30_000,
      queue: { maxRequests: 10_000, maxBytes: 256 * 2 ** 20 },
    },
  );
});

test("a process that nobody has named is called by its host and its pid", () => {
  assert.equal(DEFAULTS.nodeName, `${hostname()}-${process.pid}`);
});

describe("precedence", () => {
  test("the environment wins over the file", (t) => {
    assert.equal(loadConfig({ ...withFile(t, "host: file.example"), IDIOM_HOST: "env.example" }).host, "env.example");
  });

  test("a flag wins over the environment", () => {
    assert.equal(loadConfig({ IDIOM_HOST: "env.example" }, { host: "flag.example" }).host, "flag.example");
  });

  test("the file wins over the default", (t) => {
    assert.equal(loadConfig(withFile(t, "host: file.example")).host, "file.example");
  });

  test("an empty variable and a flag that was not given say nothing", (t) => {
    assert.equal(loadConfig({ ...withFile(t, "host: file.example"), IDIOM_HOST: "" }, { host: undefined }).host, "file.example");
  });

  test("one key from here and another from there add up", (t) => {
    const { host, httpPort, grpcPort } = loadConfig({ ...withFile(t, "host: file.example"), IDIOM_HTTP_PORT: "9000" }, { grpcPort: "9001" });
    assert.deepEqual({ host, httpPort, grpcPort }, { host: "file.example", httpPort: 9000, grpcPort: 9001 });
  });
});

describe("a variable may name a file that holds its value:", () => {
  test("the file's end of line does not belong to it", (t) => {
    const file = join(temporaryFolder(t, { url: "redis://:secret@cache:6379\n" }), "url");
    assert.equal(loadConfig({ IDIOM_REDIS_URL_FILE: file }).redisUrl, "redis://:secret@cache:6379");
  });

  test("a file that is not there stops the start", () => {
    assert.throws(() => loadConfig({ IDIOM_REDIS_URL_FILE: "/nowhere/url" }), idiomError("CONFIG_INVALID", /^IDIOM_REDIS_URL_FILE=\/nowhere\/url: ENOENT/));
  });

  test("the value itself beside it stops the start", () => {
    const env = { IDIOM_REDIS_URL: "redis://a", IDIOM_REDIS_URL_FILE: "/run/secrets/url" };
    assert.throws(() => loadConfig(env), idiomError("CONFIG_INVALID", /^IDIOM_REDIS_URL and IDIOM_REDIS_URL_FILE are both set/));
  });
});

describe("each variable of the environment reaches its key:", () => {
  const VARIABLES: readonly [name: string, text: string, key: keyof Config, value: unknown][] = [
    ["IDIOM_NODE_NAME", "paris-1", "nodeName", "paris-1"],
    ["IDIOM_HOST", "0.0.0.0", "host", "0.0.0.0"],
    ["IDIOM_GRPC_PORT", "0", "grpcPort", 0],
    ["IDIOM_HTTP_PORT", "65535", "httpPort", 65535],
    ["IDIOM_INSECURE", "true", "insecure", true],
    ["IDIOM_REDIS_INSECURE", "true", "redisInsecure", true],
    ["IDIOM_API_KEYS", "/run/keys.json", "apiKeys", "/run/keys.json"],
    ["IDIOM_PROCESSES", "4", "processes", 4],
    ["IDIOM_MODELS", "/srv/models", "models", "/srv/models"],
    ["IDIOM_DATA", "/var/idiom", "data", "/var/idiom"],
    ["IDIOM_STATE", "/srv/idiom", "state", "/srv/idiom"],
    ["IDIOM_LOG_LEVEL", "debug", "logLevel", "debug"],
  ];

  for (const [name, text, key, value] of VARIABLES) {
    test(name, () => {
      assert.deepEqual(loadConfig({ [name]: text })[key], value);
    });
  }
});

describe("a variable within a section", () => {
  test("leaves the rest of it as the file has it", (t) => {
    const env = { ...withFile(t, "redisTls: {certFile: /c.pem, keyFile: /k.pem}"), IDIOM_REDIS_CA: "/ca.pem" };
    assert.deepEqual(loadConfig(env).redisTls, { caFile: "/ca.pem", certFile: "/c.pem", keyFile: "/k.pem" });
  });

  test("a certificate without its key stops the start", () => {
    assert.throws(() => loadConfig({ IDIOM_REDIS_CERT: "/c.pem" }), idiomError("CONFIG_INVALID", /^redisTls: certFile and keyFile belong together/));
  });
});

describe("the object store of a root in S3", () => {
  const ROOTS = { IDIOM_BATCH_ROOTS: "/data:s3://bucket" };
  const THEIRS = { AWS_ACCESS_KEY_ID: "theirs", AWS_SECRET_ACCESS_KEY: "their secret", AWS_SESSION_TOKEN: "their token" };

  test("is named as other programs have it, or for Idiom alone", (t) => {
    const secret = join(temporaryFolder(t, { secret: "from a file\n" }), "secret");
    const theirs = { AWS_ACCESS_KEY_ID: "theirs", AWS_SECRET_ACCESS_KEY_FILE: secret, AWS_DEFAULT_REGION: "no", AWS_REGION: "eu-west-1" };
    const { s3 } = loadConfig({ ...ROOTS, ...theirs, AWS_ENDPOINT_URL: "https://store:9000", IDIOM_S3_PATH_STYLE: "false" });
    assert.deepEqual(s3, {
      endpoint: "https://store:9000",
      region: "eu-west-1",
      accessKeyId: "theirs",
      secretAccessKey: "from a file",
      sessionToken: null,
      pathStyle: false,
    });
    assert.equal(loadConfig({ ...ROOTS, AWS_REGION: "eu-west-1", IDIOM_S3_REGION: "eu-north-1" }).s3.region, "eu-north-1");
  });

  test("is asked as one identity: with a key of Idiom's own, from the environment or the file, none of the shell's is used", (t) => {
    const ours = { accessKeyId: "ours", secretAccessKey: "our secret", sessionToken: null };
    const keysOf = ({ s3: { accessKeyId, secretAccessKey, sessionToken } }: Config) => ({ accessKeyId, secretAccessKey, sessionToken });
    const variables = { IDIOM_S3_ACCESS_KEY_ID: "ours", IDIOM_S3_SECRET_ACCESS_KEY: "our secret" };
    assert.deepEqual(keysOf(loadConfig({ ...ROOTS, ...THEIRS, ...variables })), ours);
    const file = withFile(t, "s3: {accessKeyId: ours, secretAccessKey: our secret}\nbatchRoots: ['s3://bucket']");
    assert.deepEqual(keysOf(loadConfig({ ...file, ...THEIRS })), ours);
    assert.deepEqual(keysOf(loadConfig({ ...ROOTS, ...THEIRS, IDIOM_S3_ACCESS_KEY_ID: "ours" })), { ...ours, secretAccessKey: null });
  });

  test("is all that the variables of other programs are read for", () => {
    assert.deepEqual(loadConfig({ ...THEIRS, AWS_ENDPOINT_URL: "localhost:9000", IDIOM_BATCH_ROOTS: "/data" }).s3, DEFAULTS.s3);
    assert.throws(
      () => loadConfig({ ...ROOTS, AWS_ENDPOINT_URL: "localhost:9000" }),
      idiomError("CONFIG_INVALID", /^s3\.endpoint \(IDIOM_S3_ENDPOINT, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL\): /),
    );
  });
});

test("folders and buckets that jobs may use stand beside each other", () => {
  assert.deepEqual(loadConfig({ IDIOM_BATCH_ROOTS: "/data:s3://bucket/in:/exports:s3://other" }).batchRoots, [
    "/data",
    "s3://bucket/in",
    "/exports",
    "s3://other",
  ]);
});

describe("a file", () => {
  test("may write sizes and durations as people do", (t) => {
    const { maxMessageBytes, drainTimeoutMs, queue } = loadConfig(withFile(t, "maxMessageBytes: 8MiB\ndrainTimeoutMs: 5s\nqueue: {maxBytes: 1GiB}"));
    assert.deepEqual(
      { maxMessageBytes, drainTimeoutMs, queue },
      { maxMessageBytes: 8 * 2 ** 20, drainTimeoutMs: 5000, queue: { maxRequests: 10_000, maxBytes: 2 ** 30 } },
    );
  });

  test("may write them as plain numbers, in bytes and milliseconds", (t) => {
    const { maxMessageBytes, drainTimeoutMs } = loadConfig(withFile(t, "maxMessageBytes: 1000\ndrainTimeoutMs: 0"));
    assert.deepEqual({ maxMessageBytes, drainTimeoutMs }, { maxMessageBytes: 1000, drainTimeoutMs: 0 });
  });

  test("may be empty", (t) => {
    assert.deepEqual(loadConfig(withFile(t, "")), DEFAULTS);
  });

  test("that is not there stops the start", () => {
    assert.throws(() => loadConfig({ IDIOM_CONFIG: "/nowhere/idiom.yaml" }), idiomError("CONFIG_INVALID", /^IDIOM_CONFIG=\/nowhere\/idiom\.yaml: .*ENOENT/));
  });

  test("that is no YAML stops the start", (t) => {
    assert.throws(() => loadConfig(withFile(t, "host: [")), idiomError("CONFIG_INVALID", /^IDIOM_CONFIG=.*idiom\.yaml: /));
  });
});

describe("an unknown key stops the start, named with its file:", () => {
  test("at the top", (t) => {
    const env = withFile(t, "grpc_port: 1\nhost: x");
    assert.throws(() => loadConfig(env), idiomError("CONFIG_INVALID", `${env.IDIOM_CONFIG}: unknown key 'grpc_port'`));
  });

  test("inside another", (t) => {
    const env = withFile(t, "queue: {maxRequest: 1}");
    assert.throws(() => loadConfig(env), idiomError("CONFIG_INVALID", `${env.IDIOM_CONFIG}: unknown key 'queue.maxRequest'`));
  });

  test("from a flag", () => {
    assert.throws(() => loadConfig({}, { grpcport: 1 }), idiomError("CONFIG_INVALID", "configuration: unknown key 'grpcport'"));
  });
});

describe("a wrong value stops the start, and the message names its key:", () => {
  const WRONG: readonly [yaml: string, message: RegExp][] = [
    ["grpcPort: 65536", /^grpcPort \(IDIOM_GRPC_PORT\): /],
    ["grpcPort: -1", /^grpcPort \(IDIOM_GRPC_PORT\): /],
    ["processes: 0", /^processes \(IDIOM_PROCESSES\): /],
    ["httpPort: 80.5", /^httpPort \(IDIOM_HTTP_PORT\): /],
    ["httpPort: eighty", /^httpPort \(IDIOM_HTTP_PORT\): /],
    ["httpPort:", /^httpPort \(IDIOM_HTTP_PORT\): /],
    ["httpPort: true", /^httpPort \(IDIOM_HTTP_PORT\): /],
    ["nodeName: two words", /^nodeName \(IDIOM_NODE_NAME\): a name has /],
    ["host: ''", /^host \(IDIOM_HOST\): /],
    ["logLevel: loud", /^logLevel \(IDIOM_LOG_LEVEL\): /],
    ["maxMessageBytes: 64MB", /^maxMessageBytes: "64MB" is not understood; write it like "64MiB"$/],
    ["maxMessageBytes: 0", /^maxMessageBytes: /],
    ["drainTimeoutMs: soon", /^drainTimeoutMs: "soon" is not understood; write it like "30s"$/],
    ["drainTimeoutMs: -1", /^drainTimeoutMs: /],
    ["drainTimeoutMs: 597h", /^drainTimeoutMs: /],
    ["queue: {maxRequests: 0}", /^queue\.maxRequests: /],
    ["queue: {maxRequests: }", /^queue\.maxRequests: /],
    ["queue: all", /^queue: /],
  ];

  for (const [yaml, message] of WRONG) {
    test(yaml, (t) => {
      assert.throws(() => loadConfig(withFile(t, yaml)), idiomError("CONFIG_INVALID", message));
    });
  }

  test("a port from the environment that is no number", () => {
    assert.throws(() => loadConfig({ IDIOM_GRPC_PORT: "80a" }), idiomError("CONFIG_INVALID", /^grpcPort \(IDIOM_GRPC_PORT\): /));
  });

  test("all of them at once, a line each", () => {
    assert.throws(() => loadConfig({ IDIOM_GRPC_PORT: "x", IDIOM_LOG_LEVEL: "loud" }), idiomError("CONFIG_INVALID", /^grpcPort .*\nlogLevel /));
  });
});

test("folders become absolute", () => {
  const { models, data } = loadConfig({}, { models: "my-models", data: "my-data" });
  assert.deepEqual([models, data], [join(process.cwd(), "my-models"), join(process.cwd(), "my-data")]);
});

test("what must outlive the process lies beside the data unless it is named", () => {
  assert.equal(loadConfig({ IDIOM_DATA: "/var/idiom" }).state, "/var/idiom/state");
});

test("nobody can change a configuration, not even a part of it", () => {
  const config = loadConfig({});
  assert.throws(() => Object.assign(config, { host: "elsewhere" }), TypeError);
  assert.throws(() => Object.assign(config.queue, { maxRequests: 1 }), TypeError);
});
