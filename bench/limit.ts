// limit: a trivial model in each language over a bare grpc-js echo of the same messages, in one run. The ratio says what
// everything behind the given front door costs: validation, merging, the frame to the runtime and back.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latency, throughput } from "./support/h2load.ts";
import { writeRequestBody } from "./support/messages.ts";
import { type Measure, median } from "./support/report.ts";
import { readCounter, startEcho, startIdiom } from "./support/server.ts";

const LANGUAGES = ["python", "r", "java", "node"] as const;
const ROUNDS = 3;
const MIN_THROUGHPUT_RATIO = 0.75;
const MAX_LATENCY_RATIO = { python: 2, r: 2.5, java: 2, node: 2 };

export async function limit(quick: boolean): Promise<Measure[]> {
  const requests = quick ? 10_000 : 40_000;
  const calls = quick ? 500 : 3000;
  const folder = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  const echo = await startEcho();
  const idiom = await startIdiom(join(import.meta.dirname, "models"));
  const targets = [{ name: "echo", port: echo.port }, ...LANGUAGES.map((language) => ({ name: language, port: idiom.grpcPort }))];
  const body = (name: string): string => join(folder, name);
  for (const { name } of targets) writeRequestBody(body(name), `trivial-${name}`);
  try {
    for (const { name, port } of targets) await throughput(port, body(name), requests / 2);
    const rates = await inRounds(targets, ({ name, port }) => throughput(port, body(name), requests));
    const times = await inRounds(targets, ({ name, port }) => latency(port, body(name), calls));
    await checkAnswered(idiom.httpPort, requests * ROUNDS);
    return [
      { what: "echo, requests/s", value: median(rates.get("echo") ?? []), unit: "1/s", target: null },
      ...LANGUAGES.map(
        (language): Measure => ({
          what: `${language} / echo, throughput`,
          value: ratio(rates, language),
          unit: "ratio",
          target: { atLeast: MIN_THROUGHPUT_RATIO },
        }),
      ),
      { what: "echo, p50 at concurrency 1", value: median(times.get("echo") ?? []), unit: "us", target: null },
      ...LANGUAGES.map(
        (language): Measure => ({
          what: `${language} / echo, p50 at concurrency 1`,
          value: ratio(times, language),
          unit: "ratio",
          target: { atMost: MAX_LATENCY_RATIO[language] },
        }),
      ),
    ];
  } finally {
    await Promise.all([echo.stop(), idiom.stop()]);
    rmSync(folder, { recursive: true });
  }
}

/** h2load sees HTTP's 200 alone: that every call had an answer is read from the server's own counters. */
async function checkAnswered(httpPort: number, atLeast: number): Promise<void> {
  for (const language of LANGUAGES) {
    const answered = await readCounter(httpPort, "idiom_requests_total", `trivial-${language}`);
    const failed = await readCounter(httpPort, "idiom_request_errors_total", `trivial-${language}`);
    if (answered < atLeast || failed > 0) throw new Error(`trivial-${language}: ${answered} requests reached the model's pool, ${failed} failed`);
  }
}

type Target = { readonly name: string; readonly port: number };

/** Every target once a round, so that a machine that speeds up or slows down does so for all of them. */
async function inRounds(targets: readonly Target[], measure: (target: Target) => Promise<number>): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const target of targets) found.get(target.name)?.push(await measure(target));
  }
  return found;
}

function ratio(found: ReadonlyMap<string, number[]>, name: string): number {
  return median(found.get(name) ?? []) / median(found.get("echo") ?? []);
}
