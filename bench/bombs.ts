// bombs: a model takes memory without end, again and again. What a call to another model takes meanwhile, over what it takes when nothing
// else runs.
import { setTimeout as delay } from "node:timers/promises";
import { type Client, errorCode, failureOf } from "../test/support/client.ts";
import { ModelsFolder } from "../test/support/models.ts";
import { startServer } from "../test/support/server.ts";
import { tensor } from "../test/support/tensors.ts";
import { type Measure, quantile } from "./support/report.ts";
import { LANGUAGES } from "./support/server.ts";

const NEIGHBOUR = "neighbour";
/** Between two calls to the neighbour. */
const PAUSE_MS = 4;
const IDLE_MS = 5000;
const LOOK_AGAIN_MS = 20;
const MAX_ADDED_MS = 10;
/** Of one model: one more death within a minute, and it would be quarantined. */
const EXPLOSIONS = 4;

const TENSORS = "inputs: [{name: x, datatype: INT32, shape: [-1]}]\noutputs: [{name: y, datatype: INT32, shape: [-1]}]\n";
const BOMB = `${TENSORS}limits: {memory: 256MiB}\n`;
/** Each takes a MiB at a time, and uses it. */
const BOMBS: Record<(typeof LANGUAGES)[number], Readonly<Record<string, string>>> = {
  python: { "model.py": 'def predict(x):\n    hoard = []\n    while True:\n        hoard.append(bytearray(b"1" * 2**20))\n' },
  r: { "model.R": "predict_model <- function(x) {\n  hoard <- list()\n  repeat hoard[[length(hoard) + 1]] <- rep(1, 131072)\n}\n" },
  java: {
    "Model.java":
      "import java.util.ArrayList;\n\npublic class Model {\n  public int[] predict(int[] x) {\n    var hoard = new ArrayList<byte[]>();\n    while (true) hoard.add(new byte[1 << 20]);\n  }\n}\n",
  },
  node: { "model.mjs": "export default ({ x }) => {\n  const hoard = [];\n  for (;;) hoard.push(Buffer.alloc(2 ** 20, 1));\n};\n" },
};

export async function bombs(quick: boolean): Promise<Measure[]> {
  const copies = quick ? 1 : 3;
  const models = new ModelsFolder().add(NEIGHBOUR, { "model.yaml": TENSORS, "model.mjs": "export default ({ x }) => ({ y: x });\n" });
  const bombsIn = (language: string): string[] => Array.from({ length: copies }, (_, i) => `bomb-${language}-${i}`);
  for (const language of LANGUAGES) for (const model of bombsIn(language)) models.add(model, { "model.yaml": BOMB, ...BOMBS[language] });
  const server = await startServer({ models: models.path });
  const { client } = server;
  try {
    await neighbour(client, delay(IDLE_MS));
    const idle = quantile(await neighbour(client, delay(IDLE_MS)), 0.99);
    const measures: Measure[] = [{ what: "neighbour, idle, p99", value: idle, unit: "ms", target: null }];
    for (const language of LANGUAGES) {
      const took: number[] = [];
      for (const model of bombsIn(language)) {
        for (let i = 0; i < EXPLOSIONS; i++) {
          await ready(client, model);
          took.push(...(await neighbour(client, explode(client, model, i))));
        }
      }
      measures.push({
        what: `neighbour, beside a bomb in ${language}, p99 over idle`,
        value: quantile(took, 0.99) - idle,
        unit: "ms",
        target: { atMost: MAX_ADDED_MS },
      });
    }
    return measures;
  } finally {
    await server.stop();
  }
}

/** ms of each of the calls until `end`. */
async function neighbour(client: Client, end: Promise<unknown>): Promise<number[]> {
  let ended = false;
  const over = end.finally(() => {
    ended = true;
  });
  const took: number[] = [];
  while (!ended) {
    const sentAt = performance.now();
    await client.infer(NEIGHBOUR, [tensor("x", "INT32", [1])]);
    took.push(performance.now() - sentAt);
    await delay(PAUSE_MS);
  }
  await over;
  return took;
}

/** @throws Error when it ends in anything but the error that names its limit */
async function explode(client: Client, model: string, number: number): Promise<void> {
  const error = await failureOf(client.infer(model, [tensor("x", "INT32", [number])]));
  if (errorCode(error) !== "OUT_OF_MEMORY") throw error;
}

async function ready(client: Client, model: string): Promise<void> {
  while (!(await client.call<{ ready: boolean }>("ModelReady", { name: model })).ready) await delay(LOOK_AGAIN_MS);
}
