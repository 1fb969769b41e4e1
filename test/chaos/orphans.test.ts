// A server that is killed leaves no process of a model behind, at whatever moment; what a killed server left behind is ended by the next.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { allPids, descendantsOf, residentBytes, startedWith, startTimeOf } from "../../src/process/proc.ts";
import { endStrays, hostMark } from "../../workers/sandbox/strays.ts";
import { FULL, rounds } from "../support/chaos.ts";
import { whyNoLandlock } from "../support/landlock.ts";
import { activeLanguages, type Language, MODEL_FILE } from "../support/languages.ts";
import { ModelsFolder } from "../support/models.ts";
import { spawnUp, startServer } from "../support/server.ts";

/** Kills at random moments after a start; IDIOM_CHAOS_ROUNDS asks for more. */
const KILLS = rounds(12);
const GONE_WITHIN_MS = FULL ? 1000 : 10_000;
const LOOK_AGAIN_MS = 10;
const YAML = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";
const SOURCES: Record<Language, string> = {
  python: "def predict(x):\n    return x\n",
  r: "predict_model <- function(x) x\n",
  java: "public class Model {\n  public int[] predict(int[] x) {\n    return x;\n  }\n}\n",
  node: "export default ({ x }) => ({ y: x });\n",
};

function modelsOf(languages: readonly Language[]): ModelsFolder {
  const models = new ModelsFolder();
  for (const language of languages) models.add(language, { "model.yaml": YAML, [MODEL_FILE[language]]: SOURCES[language] });
  return models;
}

/** The processes that this server has started for its models and that are still there. */
function processesOf(server: number): number[] {
  return allPids().filter((pid) => startedWith(pid, "IDIOM_HOST_PROCESS")?.startsWith(`${server}:`) === true && startTimeOf(pid) !== null);
}

interface Identity {
  readonly pid: number;
  readonly startTime: string | null;
}

function identitiesOf(pids: readonly number[]): Identity[] {
  return pids.map((pid) => ({ pid, startTime: startTimeOf(pid) }));
}

/** What has ended and waits for its parent to notice holds no memory. */
function isThere({ pid, startTime }: Identity): boolean {
  return startTime !== null && startTimeOf(pid) === startTime && residentBytes(pid) !== 0;
}

/** `others`: a process that is ending has no environment any more that would tell whose it is. */
async function goneWithin(server: number, ms: number, others: readonly Identity[] = []): Promise<boolean> {
  const end = performance.now() + ms;
  for (; processesOf(server).length > 0 || others.some(isThere); await delay(LOOK_AGAIN_MS)) if (performance.now() > end) return false;
  return true;
}

for (const level of ["strict", "landlock", "off"]) {
  for (const language of activeLanguages()) {
    const skip = level === "landlock" && whyNoLandlock();
    test(`${language} at level ${level}: the process of a model ends with the server that was killed`, { timeout: 60_000, skip }, async () => {
      const models = modelsOf([language]);
      chmodSync(models.path, 0o755);
      const server = await startServer({ models: models.path, env: { IDIOM_SANDBOX: level } });
      const pid = server.process.pid as number;
      assert.deepEqual(await server.client.call("ModelReady", { name: language }), { ready: true });
      const all = identitiesOf([...processesOf(pid), ...processesOf(pid).flatMap((pid) => descendantsOf(pid))]);
      assert.ok(all.length > 0);
      server.process.kill("SIGKILL");
      assert.ok(await goneWithin(pid, GONE_WITHIN_MS, all), `left behind: ${[...processesOf(pid), ...all.filter(isThere).map((each) => each.pid)]}`);
      await server.stop();
    });
  }
}

test(`a server that is killed within 50 ms of its first process leaves none, ${KILLS} times`, { timeout: 20_000 + KILLS * 10_000 }, async () => {
  const models = modelsOf(activeLanguages());
  for (let i = 0; i < KILLS; i++) {
    const server = spawnUp({ models: models.path });
    const pid = server.pid as number;
    const exited = once(server, "exit");
    while (processesOf(pid).length === 0) await delay(1);
    await delay(randomInt(51));
    server.kill("SIGKILL");
    await exited;
    assert.ok(await goneWithin(pid, GONE_WITHIN_MS), `kill ${i + 1} left behind: ${processesOf(pid)}`);
  }
});

test("a process whose host is no more is ended at the next start, one whose host lives is not", async (t) => {
  const startWith = async (host: string): Promise<ReturnType<typeof spawn>> => {
    const child = spawn("sleep", ["60"], { env: { IDIOM_HOST_PROCESS: host }, stdio: "ignore" });
    t.after(() => child.kill("SIGKILL"));
    await once(child, "spawn");
    return child;
  };
  const own = hostMark()["IDIOM_HOST_PROCESS"] as string;
  const mine = await startWith(own);
  const stray = await startWith(own.replace(/:\d+:/, ":1:"));
  const ended = once(stray, "exit");
  assert.equal(endStrays(), 1);
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.equal(mine.exitCode ?? mine.signalCode, null);
});
