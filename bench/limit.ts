// limit: a trivial model in each language over a bare grpc-js echo of the same messages, in one run. The ratio says what
// everything behind the given front door costs: validation, merging, the frame to the runtime and back.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { latency, throughput } from "./support/h2load.ts";
import { writeRequestBody } from "./support/messages.ts";
import type { Measure } from "./support/report.ts";
import { inRounds, medianOf, ROUNDS, ratio } from "./support/rounds.ts";
import { checkAnswered, LANGUAGES, MODELS, startEcho, startIdiom } from "./support/server.ts";

/** Of one round. */
const REQUESTS = 2_500;
const CALLS = 200;
const MIN_THROUGHPUT_RATIO = 0.75;
const MAX_LATENCY_RATIO = { python: 2, r: 2.5, java: 2, node: 2 };

export async function limit(quick: boolean): Promise<Measure[]> {
  const rounds = quick ? ROUNDS.quick : ROUNDS.full;
  const folder = mkdtempSync(join(tmpdir(), "idiom-bench-"));
  const echo = await startEcho();
  const idiom = await startIdiom(MODELS);
  const targets = [{ name: "echo", port: echo.port }, ...LANGUAGES.map((language) => ({ name: language, port: idiom.grpcPort }))];
  const body = (name: string): string => join(folder, name);
  for (const { name } of targets) writeRequestBody(body(name), `trivial-${name}`);
  try {
    for (const { name, port } of targets) await throughput(port, body(name), REQUESTS);
    const rates = await inRounds(rounds, targets, ({ name, port }) => throughput(port, body(name), REQUESTS));
    const times = await inRounds(rounds, targets, ({ name, port }) => latency(port, body(name), CALLS));
    for (const language of LANGUAGES) await checkAnswered(idiom.httpPort, `trivial-${language}`, REQUESTS * rounds);
    return [
      { what: "echo, requests/s", value: medianOf(rates, "echo"), unit: "1/s", target: null },
      ...LANGUAGES.map(
        (language): Measure => ({
          what: `${language} / echo, throughput`,
          value: ratio(rates, language, "echo"),
          unit: "ratio",
          target: { atLeast: MIN_THROUGHPUT_RATIO },
        }),
      ),
      { what: "echo, p50 at concurrency 1", value: medianOf(times, "echo"), unit: "us", target: null },
      ...LANGUAGES.map(
        (language): Measure => ({
          what: `${language} / echo, p50 at concurrency 1`,
          value: ratio(times, language, "echo"),
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
