// reproduce: the same rows through Idiom, merged with their neighbours, and through a direct call in the model's own language,
// never merged. Not one bit may differ.
import { join } from "node:path";
import { loadConfig } from "../src/config/config.ts";
import type { ModelVersion } from "../src/core/model.ts";
import { PACKAGE_ROOT } from "../src/package-root.ts";
import { scanModels } from "../src/registry/folder-watch.ts";
import { readRuntimes } from "../workers/runtimes.ts";
import { callDirectly } from "./support/direct.ts";
import { type InferRequest, inferAll } from "./support/infer-client.ts";
import type { Measure } from "./support/report.ts";
import { generateRows, joinRaw, type Rows, rawColumn, requestSizes } from "./support/rows.ts";
import { readHistogram, startIdiom } from "./support/server.ts";

const ROWS = 10_000;
const MAX_REQUEST_ROWS = 5;
const IN_FLIGHT = 64;
const MIN_MERGED = 8;

export async function reproduce(quick: boolean): Promise<Measure[]> {
  const models = join(PACKAGE_ROOT, "examples", "models");
  const { data } = loadConfig(process.env);
  const markers = readRuntimes(join(PACKAGE_ROOT, "runtimes")).map((runtime) => ({ language: runtime.language, entryFiles: runtime.entry_files }));
  const server = await startIdiom(models);
  const measures: Measure[] = [];
  try {
    for (const version of (await scanModels(models, markers)).versions) {
      const rows = generateRows(version, quick ? ROWS / 5 : ROWS);
      const sizes = requestSizes(rows.count, MAX_REQUEST_ROWS);
      const before = await readHistogram(server.httpPort, "idiom_merged_requests", version.name);
      const merged = await callThroughIdiom(server.grpcPort, version, rows, sizes);
      const after = await readHistogram(server.httpPort, "idiom_merged_requests", version.name);
      const direct = await callDirectly(version, rows, sizes, data);
      const who = `${version.name} (${version.manifest.runtime})`;
      measures.push(
        { what: `${who}: differing bits in ${rows.count} rows`, value: differingBits(merged, direct), unit: "bits", target: { atMost: 0 } },
        { what: `${who}: mean merged size`, value: (after.sum - before.sum) / (after.count - before.count), unit: "requests", target: { atLeast: MIN_MERGED } },
      );
    }
  } finally {
    await server.stop();
  }
  return measures;
}

async function callThroughIdiom(port: number, version: ModelVersion, rows: Rows, sizes: readonly number[]): Promise<Map<string, Buffer>> {
  let from = 0;
  const requests = sizes.map((size): InferRequest => {
    const request = {
      model_name: version.name,
      inputs: rows.columns.map(({ name, datatype }) => ({ name, datatype, shape: [size] })),
      raw_input_contents: rows.columns.map((column) => rawColumn(column, from, size)),
    };
    from += size;
    return request;
  });
  const answers = await inferAll(port, requests, IN_FLIGHT);
  const outputs = answers[0]?.outputs ?? [];
  return new Map(
    outputs.map(({ name, datatype }, i) => [
      name,
      joinRaw(
        datatype,
        answers.map((answer) => answer.raw_output_contents[i] as Buffer),
      ),
    ]),
  );
}

/** Bits that differ, over all outputs; a length that differs counts as all of it. */
function differingBits(one: ReadonlyMap<string, Buffer>, other: ReadonlyMap<string, Buffer>): number {
  let bits = 0;
  for (const name of new Set([...one.keys(), ...other.keys()])) {
    const [a, b] = [one.get(name) ?? Buffer.alloc(0), other.get(name) ?? Buffer.alloc(0)];
    for (let i = 0; i < Math.max(a.length, b.length); i++) bits += ones((a[i] ?? ~(b[i] as number) & 0xff) ^ (b[i] ?? ~(a[i] as number) & 0xff));
  }
  return bits;
}

function ones(byte: number): number {
  let count = 0;
  for (let left = byte; left !== 0; left &= left - 1) count++;
  return count;
}
