// What the operator sees of the sandbox: its level in every report, a loud word where there is none, and no start where it cannot be had.
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, type TestContext, test } from "node:test";
import { runCli } from "../support/cli.ts";
import { errorCode, failureOf, inferRequest } from "../support/client.ts";
import { temporaryFolder } from "../support/folders.ts";
import { whyNoLandlock } from "../support/landlock.ts";
import { activeLanguages } from "../support/languages.ts";
import { FIXTURES, fixtureName, ModelsFolder } from "../support/models.ts";
import { type Server, spawnUp, startServer } from "../support/server.ts";
import { assertSameTensor, tensor } from "../support/tensors.ts";

const SIGNATURE = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";
const MODELS = new ModelsFolder()
  .add("identity", {
    "model.yaml": SIGNATURE,
    "model.js": 'export { identity as default } from "./identity.js";\n',
    "identity.js": "export const identity = ({ x }) => ({ y: x });\n",
  })
  .add("greedy", {
    "model.yaml": `${SIGNATURE}limits: {memory: 512MiB, tmp: 1MiB, pids: 32}\n`,
    "model.mjs": `import { spawn } from "node:child_process";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
const file = join(tmpdir(), "greedy");
const taken = [];
const times = (count, take) => Array.from({ length: count }, () => taken[taken.push(take()) - 1]);
const KINDS = [
  [() => times(900, () => Buffer.alloc(2 ** 20, 1)), () => {}],
  [() => times(300, () => openSync("/dev/null")), closeSync],
  [() => times(1, () => file) && writeFileSync(file, Buffer.alloc(3 * 2 ** 20)), rmSync],
  [() => Promise.all(times(40, () => spawn("sleep", ["60"], { stdio: "ignore" })).map((child) => once(child, "spawn"))), (child) => child.kill()],
];
export default async ({ x }) => {
  const [take, giveBack] = KINDS[x.data[0]];
  try {
    await take();
    return { y: x };
  } finally {
    for (const thing of taken.splice(0)) giveBack(thing);
  }
};
`,
  });
chmodSync(MODELS.path, 0o755);
// What lies above a model's folder: Node would ask it what the model's scripts are.
writeFileSync(join(MODELS.path, "package.json"), '{"type": "commonjs"}');
const isRoot = process.getuid?.() === 0;

for (const [level, warning] of [
  ["strict", null],
  ["landlock", null],
  ["rlimit", /models have limits, and nothing keeps them from this machine's files and network/],
] as const) {
  describe(`at level ${level}`, { skip: level !== "strict" && whyNoLandlock() }, () => {
    let server: Server;
    before(async () => {
      server = await startServer({ models: MODELS.path, env: { IDIOM_SANDBOX: level } });
    });
    after(() => server.stop());

    test("the health report, status and doctor name it and its layers", async () => {
      const { sandbox } = (await (await fetch(`${server.http}/healthz`)).json()) as { sandbox: { level: string; layers: string[] } };
      assert.equal(sandbox.level, level);
      const { stdout: status } = await runCli(["status", "--server", server.address]);
      const { stdout: doctor } = await runCli(["doctor"], { env: { IDIOM_SANDBOX: level, IDIOM_MODELS: MODELS.path } });
      for (const layer of sandbox.layers) for (const text of [status, doctor]) assert.ok(text.includes(layer), `${layer}\n${text}`);
      assert.match(status, warning === null ? new RegExp(`^sandbox ${level}$`, "m") : warning);
      if (warning !== null) assert.match(server.log.text, warning);
    });

    test("a model is loaded, whatever lies above its folder", async () => {
      const x = tensor("x", "INT32", [7], [1]);
      assertSameTensor((await server.client.infer("identity", [x]))["y"], x);
    });

    for (const [taken, code, advice, needsRoot] of [
      ["memory", "OUT_OF_MEMORY", /raise limits\.memory/, false],
      ["descriptors", "TOO_MANY_FILES", /a process of the model may have 256 files open, which cannot be raised/, false],
      ["disk", "DISK_FULL", /raise limits\.tmp/, false],
      ["processes", "TOO_MANY_PROCESSES", /raise limits\.pids/, level === "rlimit"],
    ] as const) {
      test(`a model that takes more ${taken} than it may hears of that limit`, { skip: needsRoot && !isRoot }, async () => {
        const which = ["memory", "descriptors", "disk", "processes"].indexOf(taken);
        const error = await failureOf(server.client.call("ModelInfer", inferRequest("greedy", [tensor("x", "INT32", [which], [1])])));
        assert.equal(errorCode(error), code, error.details);
        assert.match(error.details, advice);
      });
    }
  });
}

test("without a sandbox that is said at the start and in status", async (t) => {
  const server = await startServer({ models: MODELS.path, env: { IDIOM_SANDBOX: "off" } });
  t.after(() => server.stop());
  assert.match(server.log.text, /SANDBOX OFF: models run with the rights of the server/);
  assert.match((await runCli(["status", "--server", server.address])).stdout, /! sandbox off: models run with the rights of the server/);
});

test("a model of each language runs in little memory", async (t) => {
  const models = new ModelsFolder();
  const languages = activeLanguages();
  for (const language of languages) {
    const manifest = readFileSync(join(FIXTURES, "named", language, "model.yaml"), "utf8");
    models.addFixture("named", language).add(fixtureName("named", language), { "model.yaml": `${manifest}\nlimits: {memory: 128MiB}\n` });
  }
  const server = await startServer({ models: models.path });
  t.after(() => server.stop());
  for (const language of languages) {
    const answer = await server.client.infer(fixtureName("named", language), [tensor("a", "INT32", [1, 2], [1, 2]), tensor("b", "INT32", [3, 4], [1, 2])]);
    assertSameTensor(answer["sum"], tensor("sum", "INT32", [4, 6], [1, 2]));
  }
});

describe("a sandbox that cannot be had stops the start", () => {
  /** The last words of a server that finds this shell script in the place of a program. */
  async function startWith(t: TestContext, script: string, program = "bwrap", level = "strict"): Promise<{ code: number; said: string }> {
    const data = temporaryFolder(t, { [`tools/bin/${program}`]: `#!/bin/sh\n${script}\n` });
    chmodSync(`${data}/tools/bin/${program}`, 0o755);
    const child = spawnUp({ models: MODELS.path, env: { IDIOM_DATA: data, IDIOM_SANDBOX: level } });
    const [said, [code]] = await Promise.all([text(child.stderr as NonNullable<typeof child.stderr>), once(child, "exit")]);
    return { code: code as number, said };
  }

  test("with the reason and the way out", async (t) => {
    const { code, said } = await startWith(t, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1");
    assert.notEqual(code, 0);
    assert.match(said, /models cannot be run at sandbox level strict: bwrap: No permissions to create new namespace/);
    assert.match(said, /IDIOM_SANDBOX=off/);
  });

  test("where the kernel has no landlock", { skip: whyNoLandlock() }, async (t) => {
    const { code, said } = await startWith(t, "echo 'landlock version 6 is needed; this kernel offers version 4' >&2; exit 1", "perl", "landlock");
    assert.notEqual(code, 0);
    assert.match(said, /models cannot be run at sandbox level landlock: landlock version 6 is needed; this kernel offers version 4/);
    assert.match(said, /It needs Linux 6\.12 or newer/);
    assert.match(said, /IDIOM_SANDBOX=strict works on older kernels/);
  });

  test("also when it starts a process and does not confine it", async (t) => {
    const { code, said } = await startWith(t, 'until expr "$1" : ".*/node$" >/dev/null; do shift; done; exec "$@"');
    assert.notEqual(code, 0);
    assert.match(said, /it does not hold: a process in it could .*make every system call/);
  });
});
