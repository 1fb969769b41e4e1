// Instances that are forked from one process that has loaded the model: what they share, how each ends, and what happens without it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PACKAGE_ROOT } from "../../src/package-root.ts";
import { childrenOf, hasEnded } from "../../src/process/proc.ts";
import type { Instance } from "../../workers/instance/instance.ts";
import { canFork, readRuntimes } from "../../workers/runtimes.ts";
import { errorCode, failureOf } from "../support/client.ts";
import { DATA } from "../support/data-folder.ts";
import { type InProcess, startInProcess } from "../support/in-process.ts";
import { activeLanguages } from "../support/languages.ts";
import { ModelsFolder } from "../support/models.ts";
import { tensor } from "../support/tensors.ts";

const yaml = (instances: string, limits = ""): string =>
  `inputs: [{name: x, datatype: INT32, shape: [1]}]\noutputs: [{name: y, datatype: INT32, shape: [1]}]\ninstances: {${instances}}\nlimits: {memory: 300MiB${limits}}\nidempotent: false\n`;
interface Language {
  readonly file: string;
  /** What it is asked for by number; otherwise it answers how often its process was asked. */
  readonly code: string;
  /** Lines before it: with them no model can be forked, and with them it can, as they keep no thread, descriptor or generator. */
  readonly kept: string;
  readonly libraries: string;
}

const PYTHON = `import mmap, os, signal, sys, tempfile, time

calls = 0


def predict(x):
    global calls
    calls += 1
    if x[0] == 1 and os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    if x[0] == 2:
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(600)
    if x[0] == 3:
        shared = mmap.mmap(-1, 1 << 30)
        for at in range(0, 1 << 30, 4096):
            shared[at] = 1
    if x[0] == 4:
        time.sleep(1)
    if x[0] == 5:
        print("no weights", file=sys.stderr, flush=True)
        os._exit(9)
    if x[0] == 6 and os.fork() == 0:
        os.setsid()
        while True:  # each is gone before anybody can end it
            try:
                if os.fork() != 0:
                    os._exit(0)
            except BlockingIOError:
                pass
    if x[0] == 7:
        for folder, size in ((None, 40), ("/dev/shm", 20)):
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
                file.write(bytes(size << 20))
        time.sleep(1)
    if x[0] == 8:
        for fd in range(3, 64):
            try:
                os.write(fd, bytes([255] * 64))
            except OSError:
                pass
        time.sleep(600)
    if x[0] == 9:
        for i in range(5000):
            open(f"/tmp/{i}", "w").close()
        time.sleep(600)
    return [calls]
`;

const R = `calls <- 0L
parent <- function() as.integer(sub("PPid:", "", grep("PPid", readLines("/proc/self/status"), value = TRUE)))
predict <- function(x) {
  calls <<- calls + 1L
  if (x[1] == 1) system("setsid sleep 600 &")
  if (x[1] == 2) {
    tools::pskill(parent(), tools::SIGSTOP)
    Sys.sleep(600)
  }
  if (x[1] == 3) {
    for (i in 1:4) parallel::mcparallel(sum(numeric(2e7) + 1, Sys.sleep(600)))
    Sys.sleep(600)
  }
  if (x[1] == 4) Sys.sleep(1)
  if (x[1] == 5) {
    cat("no weights\\n", file = stderr())
    quit(status = 9)
  }
  if (x[1] == 6) {
    # Each is gone before anybody can end it.
    writeLines("setsid sh $0 & exit", "/tmp/flee.sh")
    system("setsid sh /tmp/flee.sh 2>/dev/null &")
  }
  if (x[1] == 7) {
    writeBin(raw(40 * 2^20), tempfile())
    writeBin(raw(20 * 2^20), tempfile(tmpdir = "/dev/shm"))
    Sys.sleep(1)
  }
  if (x[1] == 8) {
    for (fd in 3:63) system(paste0("bash -c 'head -c 64 /dev/zero | tr \\\\000 \\\\377 >&", fd, "' 2>/dev/null"))
    Sys.sleep(600)
  }
  if (x[1] == 9) {
    file.create(file.path("/tmp", 1:5000))
    Sys.sleep(600)
  }
  calls
}
`;

const LANGUAGES: Readonly<Record<"python" | "r", Language>> = {
  python: {
    file: "model.py",
    code: PYTHON,
    kept: "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n",
    libraries: "import joblib, numpy, pandas, scipy.stats, sklearn.ensemble, sklearn.pipeline\n",
  },
  r: {
    file: "model.R",
    code: R,
    kept: 'kept <- file("model.R", "r")\n',
    libraries: "library(parallel)\nlibrary(splines)\nlibrary(randomForest)\nlibrary(jsonlite)\nlibrary(bit64)\n",
  },
};
const LOOK_AGAIN_MS = 10;

function whyNotForked(language: keyof typeof LANGUAGES): string | false {
  if (!activeLanguages().includes(language)) return `${language} is not tested`;
  const forks = readRuntimes(join(PACKAGE_ROOT, "runtimes")).some((runtime) => runtime.language === language && canFork(runtime, DATA));
  return forks ? false : `${language} lacks the helper that forks`;
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

const pidOf = ({ pid }: Instance): number => pid ?? assert.fail("no process is up");

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(LOOK_AGAIN_MS);
}

for (const language of ["python", "r"] as const)
  describe(`instances that are forked, in ${language},`, {
    skip: whyNotForked(language),
    timeout: 180_000,
  }, () => {
    const { file, code, kept, libraries } = LANGUAGES[language];
    let node: InProcess;
    const models = new ModelsFolder()
      .add("twins", { "model.yaml": yaml("min: 2"), [file]: code })
      .add("apart", { "model.yaml": yaml("min: 2, fork: false"), [file]: code })
      .add("libraries", { "model.yaml": yaml("min: 2"), [file]: libraries + code })
      .add("pinned", { "model.yaml": yaml("min: 2", ", cpus: 1, tmp: 1MiB"), [file]: code })
      .add("keeps", { "model.yaml": yaml("min: 2"), [file]: kept + code })
      .add("dormant", { "model.yaml": yaml("min: 0"), [file]: code });

    before(
      async () => {
        node = await startInProcess(models.path, { instances: { idleAfterMs: 200 } });
        await node.up.settled();
        await until(() => ["twins", "apart", "libraries", "pinned", "keeps"].every((model) => instances(model).every(({ state }) => state.name === "ready")));
      },
      { timeout: 60_000 },
    );
    after(() => node.stop());

    const instances = (model: string): readonly Instance[] => node.up.node.instancesOf(`${model}/1`);
    const call = (model: string, x = 0) => node.client.infer(model, [tensor("x", "INT32", [x])]);
    const twins = (): readonly [Instance, Instance] => instances("twins") as readonly [Instance, Instance];
    const zygote = (): number => parentOf(pidOf(twins()[0]));

    const detached = (): number[] => childrenOf(parentOf(zygote())).filter((pid) => pid !== zygote());
    const kill = (): void => {
      for (const instance of twins()) instance.kill("killed: both are");
    };

    /** Resolves when all that have died are ready again. */
    async function restarted(act: () => unknown, which: () => readonly Instance[] = twins): Promise<void> {
      const before = which().map(({ generation }) => generation);
      await act();
      await until(() => which().some(({ generation }, i) => generation > (before[i] as number)));
      await until(() => which().every(({ state }) => state.name === "ready"));
    }

    test("have one parent, and state of their own", async () => {
      for (const model of ["twins", "libraries"]) {
        const [one, other] = instances(model) as [Instance, Instance];
        assert.equal(parentOf(pidOf(one)), parentOf(pidOf(other)), model);
      }
      const counts = await Promise.all(Array.from({ length: 2 }, () => call("twins", 4)));
      assert.deepEqual(
        counts.map((answer) => answer["y"]?.data.readInt32LE()),
        [1, 1],
      );
    });

    test("that are killed come from the same parent again, and the sibling does not notice", async () => {
      const [one, other] = twins();
      const [parent, sibling] = [zygote(), pidOf(other)];
      await restarted(() => process.kill(pidOf(one), "SIGKILL"));
      assert.deepEqual([parentOf(pidOf(one)), pidOf(other)], [parent, sibling]);
      await call("twins");
    });

    test("tell how they ended and what they printed last, each for itself", async () => {
      await restarted(async () => assert.equal(errorCode(await failureOf(call("twins", 5))), "INSTANCE_DIED"));
      const exits = twins().map(({ lastExit }) => lastExit?.reason);
      assert.ok(exits.includes("the process exited with status 9\n  no weights"), exits.join("; "));
    });

    test("run each on as many cores as it may have, and not all on the same", async () => {
      const coresOf = (instance: Instance): string => /^Cpus_allowed_list:\s+(\S+)$/m.exec(readFileSync(`/proc/${pidOf(instance)}/status`, "utf8"))?.[1] ?? "";
      const [one, other] = instances("pinned") as [Instance, Instance];
      await until(() => [one, other].every((instance) => /^\d+$/.test(coresOf(instance))) && (availableParallelism() === 1 || coresOf(one) !== coresOf(other)));
    });

    test("die with their parent, and others come", async () => {
      const parent = zygote();
      await restarted(() => process.kill(parent, "SIGKILL"));
      await until(() => twins().every(({ pid, state }) => state.name === "ready" && pid !== null && parentOf(pid) !== parent));
      await call("twins");
    });

    test("leave no process behind that they have detached from themselves", async () => {
      await call("twins", 1);
      await until(() => detached().length === 1);
      const [left] = detached() as [number];
      await restarted(() => kill());
      await until(() => hasEnded(left));
    });

    test("leave nothing behind that has fled from one process to the next either", async () => {
      await call("twins", 6);
      await until(() => detached().length > 0);
      await restarted(() => kill());
      assert.deepEqual(detached(), []);
    });

    test("take memory each by itself: the one that takes too much ends", async () => {
      const [parent, pids] = [zygote(), twins().map(pidOf)];
      await restarted(async () => assert.equal(errorCode(await failureOf(call("twins", 3))), "OUT_OF_MEMORY"));
      assert.equal(zygote(), parent);
      assert.equal(twins().filter(({ pid }) => pids.includes(pid ?? 0)).length, 1);
    });

    test("that write garbage wherever they can end alone", async () => {
      // The first fork has the transport of its parent, those that come later have pipes.
      await restarted(() => kill());
      const [parent, pids] = [zygote(), twins().map(pidOf)];
      await restarted(async () => assert.match((await failureOf(call("twins", 8))).details, /protocol violation/));
      assert.equal(zygote(), parent);
      assert.equal(twins().filter(({ pid }) => pids.includes(pid ?? 0)).length, 1);
    });

    test("have each as much room for temporary files and shared memory as one alone", async () => {
      await Promise.all(Array.from({ length: 2 }, () => call("twins", 7)));
    });

    test("end together when the files of one are too many, and nobody's request is blamed", async () => {
      const pinned = (): readonly Instance[] => instances("pinned");
      const pids = pinned().map(pidOf);
      await restarted(async () => {
        const { details } = await failureOf(call("pinned", 9));
        assert.match(details, /died while it ran this request: its files took [\d.]+MiB; the model may write 1MiB .* ended by SIGKILL/);
      }, pinned);
      assert.deepEqual(
        pinned().filter(({ pid }) => pids.includes(pid ?? 0)),
        [],
      );
      for (const { lastExit } of pinned()) assert.match(lastExit?.reason ?? "", /its files took/);
    });

    test("come back also when one of them has stopped their parent", async () => {
      const parent = zygote();
      const running = failureOf(call("twins", 2));
      await until(() => /^State:\s+T/m.test(readFileSync(`/proc/${parent}/status`, "utf8")));
      await restarted(() => kill());
      assert.equal(errorCode(await running), "INSTANCE_DIED");
      await until(() => hasEnded(parent));
      await call("twins");
    });

    test("are loaded each by itself where the author says so, or the model keeps what cannot be shared", async () => {
      for (const model of ["apart", "keeps"]) {
        const [one, other] = instances(model) as [Instance, Instance];
        assert.notEqual(parentOf(pidOf(one)), parentOf(pidOf(other)), model);
        await restarted(
          () => process.kill(pidOf(one), "SIGKILL"),
          () => instances(model),
        );
        await call(model);
      }
    });

    test("leave nothing in memory when the last of them leaves", async () => {
      await call("dormant");
      const [instance] = instances("dormant") as [Instance];
      const parent = parentOf(pidOf(instance));
      await until(() => instances("dormant").length === 0 && hasEnded(parent));
      await call("dormant");
    });
  });
