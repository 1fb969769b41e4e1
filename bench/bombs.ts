// bombs: a model takes memory without end, again and again. What a call to another model takes meanwhile, over what it takes when nothing
// else runs. The caller is h2load: one in Node would count the pauses of its own garbage collector as well.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client, errorCode, failureOf } from "../test/support/client.ts";
import { ModelsFolder } from "../test/support/models.ts";
import { tensor } from "../test/support/tensors.ts";
import { besideRequests } from "./support/h2load.ts";
import { writeRequestBody } from "./support/messages.ts";
import { type Measure, quantile } from "./support/report.ts";
import { checkAnswered, LANGUAGES, MODELS, startIdiom } from "./support/server.ts";

const NEIGHBOUR = "trivial-node";
const REQUESTS_PER_SECOND = 100;
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

/** us since the epoch. */
interface Span {
  readonly from: number;
  readonly to: number;
}

export async function bombs(quick: boolean): Promise<Measure[]> {
  const copies = quick ? 1 : 6;
  const models = new ModelsFolder();
  cpSync(join(MODELS, NEIGHBOUR), join(models.path, NEIGHBOUR), { recursive: true });
  const bombsIn = (language: string): string[] => Array.from({ length: copies }, (_, i) => `bomb-${language}-${i}`);
  for (const language of LANGUAGES) for (const model of bombsIn(language)) models.add(model, { "model.yaml": BOMB, ...BOMBS[language] });
  const body = join(models.path, ".request");
  writeRequestBody(body, NEIGHBOUR);
  const server = await startIdiom(models.path, 1, { IDIOM_LOG_LEVEL: "silent" });
  const client = new Client(`127.0.0.1:${server.grpcPort}`);
  const idle: Span[] = [];
  const beside = new Map<string, Span[]>();
  try {
    const requests = await besideRequests(server.grpcPort, body, REQUESTS_PER_SECOND, async () => {
      await delay(IDLE_MS);
      idle.push(await spanOf(delay(IDLE_MS)));
      for (const language of LANGUAGES) beside.set(language, await explosions(client, bombsIn(language)));
      // Before the caller is ended, maybe in the middle of a call.
      await checkAnswered(server.httpPort, NEIGHBOUR, REQUESTS_PER_SECOND);
    });
    const p99Ms = (spans: readonly Span[]): number => {
      const sentWithin = requests.filter(({ sentAt }) => spans.some(({ from, to }) => sentAt >= from && sentAt < to));
      return (
        quantile(
          sentWithin.map(({ us }) => us),
          0.99,
        ) / 1000
      );
    };
    return [
      { what: "neighbour, idle, p99", value: p99Ms(idle), unit: "ms", target: null },
      ...[...beside].map(
        ([language, spans]): Measure => ({
          what: `neighbour, beside a bomb in ${language}, p99 over idle`,
          value: p99Ms(spans) - p99Ms(idle),
          unit: "ms",
          target: { atMost: MAX_ADDED_MS },
        }),
      ),
    ];
  } finally {
    client.close();
    await server.stop();
  }
}

async function spanOf(work: Promise<unknown>): Promise<Span> {
  const from = 1000 * Date.now();
  await work;
  return { from, to: 1000 * Date.now() };
}

/** Each model in its turn. A span begins once the model is ready, and ends with its error. */
async function explosions(client: Client, models: readonly string[]): Promise<Span[]> {
  const spans: Span[] = [];
  for (const model of models) {
    for (let i = 0; i < EXPLOSIONS; i++) {
      await ready(client, model);
      spans.push(await spanOf(explode(client, model, i)));
    }
  }
  return spans;
}

/** @throws Error when it ends in anything but the error that names its limit */
async function explode(client: Client, model: string, number: number): Promise<void> {
  const error = await failureOf(client.infer(model, [tensor("x", "INT32", [number])]));
  if (errorCode(error) !== "OUT_OF_MEMORY") throw error;
}

async function ready(client: Client, model: string): Promise<void> {
  while (!(await client.call<{ ready: boolean }>("ModelReady", { name: model })).ready) await delay(LOOK_AGAIN_MS);
}
