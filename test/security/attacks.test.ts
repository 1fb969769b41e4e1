// Every attack, in every language, at every level: in a sandbox the kernel refuses it; without one it gets through, which shows that
// the attack is one.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, chmodSync, closeSync, cpSync, openSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer, type Server as NetServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ControlGroups } from "../../workers/sandbox/control-groups.ts";
import { buildAttackLibrary } from "../support/attack-library.ts";
import { whyNoLandlock } from "../support/landlock.ts";
import { activeLanguages, type Language } from "../support/languages.ts";
import { ModelsFolder } from "../support/models.ts";
import { type Server, startServer } from "../support/server.ts";
import { ATTACKS, type Attack, FLOODS, HOSTILE_FRAMES, MEMORY_BOMBS, type Targets } from "./attacks.ts";

const LEVELS = ["strict", "landlock", "off"] as const;
const MEMORY_LIMIT_BYTES = 512 * 2 ** 20;
const MOST_OVERSHOOT = 1.25;
const VARIABLE = "IDIOM_TEST_SECRET";
/** Where each harness writes what it says to the host. */
const TRANSPORT: Record<Language, number> = { python: 3, r: 4, java: 3, node: 3 };
const NEIGHBOUR = {
  "model.yaml": "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n",
  "model.mjs": "export default ({ x }) => ({ y: x });\n",
};
const isRoot = process.getuid?.() === 0;
const controlGroups = await ControlGroups.open();

const models = new ModelsFolder();
const outside = new ModelsFolder().add("outside", { secret: "of the host\n", "empty/.keep": "", "open/.keep": "" });
let targets: Omit<Targets, "host">;
const listeners: NetServer[] = [];
let victim: ChildProcess;
let postman: ChildProcess;

async function listen(listener: NetServer, ...where: [number, string] | [string]): Promise<AddressInfo> {
  listeners.push(listener);
  await once(listener.listen(...(where as [string])), "listening");
  return listener.address() as AddressInfo;
}

before(async () => {
  const file = join(outside.path, "outside", "secret");
  for (const language of activeLanguages()) {
    for (const name of [language, `frames-${language}`, `talks-${language}`]) {
      cpSync(join(import.meta.dirname, "models", language), join(models.path, name), { recursive: true });
      symlinkSync(file, join(models.path, name, "link"));
    }
    const library = join(models.path, language, "attacks.node");
    await buildAttackLibrary(language, library);
    for (const name of [`frames-${language}`, `talks-${language}`]) {
      cpSync(library, join(models.path, name, "attacks.node"));
      // A process of its own finds its transport where it is expected.
      appendFileSync(join(models.path, name, "model.yaml"), "instances: {fork: false}\n");
    }
  }
  models.add("neighbour", NEIGHBOUR);
  for (const folder of [models.path, outside.path]) chmodSync(folder, 0o755);
  const openFolder = join(outside.path, "outside", "open");
  chmodSync(openFolder, 0o777);
  victim = spawn("sleep", ["600"], { stdio: "ignore" });
  const mailbox = join(outside.path, "mailbox");
  postman = await takeDatagrams(mailbox);
  const greet = (): NetServer => createServer((socket) => socket.destroy());
  const socket = join(outside.path, "socket");
  await listen(greet(), socket);
  await listen(greet(), `\0idiom-attack-${process.pid}`);
  const { port } = await listen(greet(), 0, "::");
  targets = {
    file,
    otherModel: join(models.path, "neighbour", "model.mjs"),
    emptyFolder: join(outside.path, "outside", "empty"),
    openFolder,
    victim: victim.pid as number,
    port,
    socket,
    abstractSocket: `idiom-attack-${process.pid}`,
    mailbox,
    variable: VARIABLE,
  };
});

after(() => {
  victim?.kill("SIGKILL");
  postman?.kill("SIGKILL");
  for (const listener of listeners) listener.close();
});

/** Node has no such sockets. */
async function takeDatagrams(path: string): Promise<ChildProcess> {
  const script =
    '$| = 1; socket(S, AF_UNIX, SOCK_DGRAM, 0) && bind(S, pack_sockaddr_un($ARGV[0])) && chmod(0777, $ARGV[0]) or die $!; print "ready\\n"; recv(S, my $letter, 9, 0) while 1';
  const child = spawn("perl", ["-MSocket", "-e", script, path], { stdio: ["ignore", "pipe", "inherit"] });
  await Promise.race([once(child.stdout, "data"), once(child, "exit").then(() => assert.fail("perl takes no datagrams"))]);
  return child;
}

/** What the model says of its attack. */
async function run(server: Server, model: string, words: string): Promise<string> {
  const input = { name: "words", datatype: "BYTES", shape: [1], contents: { bytes_contents: [Buffer.from(words)] } };
  const answer = (await server.client.call("ModelInfer", { model_name: model, inputs: [input] })) as { raw_output_contents: Buffer[] };
  return (answer.raw_output_contents[0] as Buffer).subarray(4).toString();
}

function assertKept(server: Server, model: string, line: string, most: number): void {
  const kept = server.log.text.split("\n").filter((text) => text.includes(`"model":"${model}"`) && text.includes(line)).length;
  assert.ok(kept > 0 && kept < most, `${kept} lines`);
}

function assertOutcome({ refusals, without }: Attack, level: (typeof LEVELS)[number], outcome: string): void {
  const expected = refusals[level === "off" ? "strict" : level];
  if (level !== "off" || without === "nobody") assert.ok(expected.includes(outcome), `the kernel said ${outcome}, expected ${expected.join(" or ")}`);
  else if (without === "everybody" || isRoot) assert.equal(outcome, "succeeded");
  else assert.notEqual(outcome, "succeeded");
}

for (const level of LEVELS) {
  describe(`at level ${level}`, { skip: level === "landlock" && whyNoLandlock() }, () => {
    let server: Server;
    before(async () => {
      const inherited = openSync(targets.file, "r");
      server = await startServer({ models: models.path, env: { IDIOM_SANDBOX: level, [VARIABLE]: "x" }, inherited });
      closeSync(inherited);
    });
    after(() => server?.stop());

    for (const language of activeLanguages()) {
      describe(language, () => {
        for (const attack of ATTACKS)
          test(attack.name, async () =>
            assertOutcome(attack, level, await run(server, language, attack.words({ ...targets, host: server.process.pid as number }))),
          );

        for (const { name, words, line, most } of FLOODS) {
          test(`flood the log with ${name}`, async () => {
            assert.equal(await run(server, language, words), "succeeded");
            assertKept(server, language, line, most);
          });
        }

        test("flood the log with frames", async () => {
          const model = `talks-${language}`;
          await assert.rejects(run(server, model, `floods_log_with_frames ${TRANSPORT[language]}`), { details: /protocol violation: more LOG frames/ });
          assertKept(server, model, '"msg":"fake"', 30_000);
        });

        if (level !== "off") {
          test("end every process", async () => {
            await run(server, language, "ends_everybody").catch(() => {});
            assert.deepEqual([victim.exitCode, victim.signalCode], [null, null]);
            assert.deepEqual([server.process.exitCode, server.process.signalCode], [null, null]);
          });

          test("fill the disk with many files", async () => {
            const outcome = await run(server, language, "fills_tmp_with_files").catch((error: { details: string }) => error.details);
            assert.match(
              outcome,
              level === "strict" ? /^ENOSPC$/ : /its files took [\d.]+MiB; the model may write 16MiB of temporary files; raise limits\.tmp/,
            );
          });

          test("fill the disk with empty files", async () => {
            const outcome = await run(server, language, "fills_tmp_with_names").catch((error: { details: string }) => error.details);
            assert.match(outcome, /its files took [\d.]+MiB; the model may write 16MiB of temporary files; raise limits\.tmp/);
          });

          // Only a control group knows of it.
          test("hide memory without end", { skip: (level !== "strict" || controlGroups === null) && "no control group bounds it" }, async () => {
            await assert.rejects(run(server, language, "hides_shared_memory"), {
              details: /its processes and temporary files together took more than a sandbox may; the model may take 512MiB; raise limits\.memory/,
            });
          });

          for (const { name, words } of MEMORY_BOMBS) {
            test(name, async () => {
              const error = await run(server, language, words({ ...targets, host: 0 })).then(assert.fail, (thrown: { details: string }) => thrown);
              const [, amount, unit] =
                /its processes took ([\d.]+)(MiB|GiB) of memory; the model may take 512MiB; raise limits\.memory/.exec(error.details) ?? [];
              assert.ok(amount !== undefined, error.details);
              assert.ok(Number(amount) * (unit === "GiB" ? 2 ** 30 : 2 ** 20) < MEMORY_LIMIT_BYTES * MOST_OVERSHOOT, `${amount}${unit}`);
            });
          }
        }

        for (const [i, { name, words }] of HOSTILE_FRAMES.entries()) {
          test(`say to the host: ${name}`, async () => {
            // Taking turns: a model that ends five times within a minute is tried no more for a while.
            const model = `${i % 2 === 0 ? "frames" : "talks"}-${language}`;
            await assert.rejects(run(server, model, words(TRANSPORT[language])), { details: /protocol violation/ });
          });
        }

        test("answer a call that its harness answers as well", async () => {
          await assert.rejects(run(server, `frames-${language}`, `answers_first_call ${TRANSPORT[language]}`), { details: /raised: forged/ });
          await server.log.first((line) => (line.includes(`frames-${language}`) && line.includes("stale answer 1") ? line : null));
        });

        test("its neighbour answers as ever", async () => {
          const x = { name: "x", datatype: "INT32", shape: [1], contents: { int_contents: [7] } };
          const answer = (await server.client.call("ModelInfer", { model_name: "neighbour", inputs: [x] })) as { raw_output_contents: Buffer[] };
          assert.equal(answer.raw_output_contents[0]?.readInt32LE(), 7);
        });
      });
    }
  });
}
