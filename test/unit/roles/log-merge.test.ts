import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LogChunk, LogLine } from "../../../src/core/admin.ts";
import { IdiomError } from "../../../src/core/errors.ts";
import { type LogSource, mergeLogs } from "../../../src/roles/log-merge.ts";

function line(timeMs: number, message = String(timeMs)): LogLine {
  return { node: "?", timeMs, level: "info", model: "", version: "", instance: "", stream: "", message };
}

/** A node that tells these chunks; a number stands for a line of that time, an error is thrown. */
function source(node: string, ...told: readonly (readonly number[] | LogChunk | Error | Promise<unknown>)[]): LogSource {
  return {
    node,
    chunks: (async function* () {
      for (const one of told) {
        if (one instanceof Error) throw one;
        if (one instanceof Promise) await one;
        else yield "lines" in one ? one : { lost: 0, lines: one.map((timeMs) => line(timeMs)) };
      }
    })(),
  };
}

const KEPT_IS_TOLD: LogChunk = { lost: 0, lines: [] };
const UNKNOWN = new IdiomError("MODEL_NOT_FOUND", "no such model");

async function all(merged: AsyncIterable<LogChunk>): Promise<string[]> {
  const lines: string[] = [];
  for await (const chunk of merged) {
    if (chunk.lost > 0) lines.push(`lost ${chunk.lost}`);
    lines.push(...chunk.lines.map(({ node, message }) => `${node} ${message}`));
  }
  return lines;
}

const { signal } = new AbortController();

describe("what lies in memory", () => {
  test("is sorted by time over all nodes, and each line says its node", async () => {
    const merged = mergeLogs(source("a", [1, 4], [6]), [source("b", [2, 3], [5, 7])], null, signal);
    assert.deepEqual(await all(merged), ["a 1", "b 2", "b 3", "a 4", "b 5", "a 6", "b 7"]);
  });

  test("is told also when one node knows nothing of the model", async () => {
    assert.deepEqual(await all(mergeLogs(source("a", UNKNOWN), [source("b", [1])], null, signal)), ["b 1"]);
  });

  test("of a model that no node knows is an error", async () => {
    await assert.rejects(all(mergeLogs(source("a", UNKNOWN), [source("b", UNKNOWN)], null, signal)), UNKNOWN);
  });

  test("of a node that does not answer is missed in a line of its own", async () => {
    const merged = mergeLogs(source("a", [1]), [source("b", new IdiomError("NODE_SILENT", "it is gone"))], null, signal);
    assert.deepEqual(await all(merged), ["a 1", "b the log of this node ends here: it is gone"]);
  });

  test("comes with how many lines were lost", async () => {
    const merged = mergeLogs(source("a", { lost: 3, lines: [line(9)] }), [source("b", { lost: 2, lines: [line(8)] })], null, signal);
    assert.deepEqual(await all(merged), ["lost 5", "b 8", "a 9"]);
  });
});

describe("whoever follows", () => {
  const nobody = (): Promise<LogSource[]> => new Promise(() => {});

  test("hears a node that has something to say while another is quiet", async () => {
    const quiet = Promise.withResolvers<void>();
    const merged = mergeLogs(source("a", KEPT_IS_TOLD, quiet.promise), [source("b", [5], KEPT_IS_TOLD, [6])], nobody, signal);
    const heard: string[] = [];
    for await (const chunk of merged) {
      heard.push(...chunk.lines.map(({ node, message }) => `${node} ${message}`));
      if (heard.length === 2) quiet.resolve();
    }
    assert.deepEqual(heard, ["b 5", "b 6"]);
  });

  test("hears nodes that come later", async () => {
    const joins = [[source("b", [1], KEPT_IS_TOLD)]];
    const heard = Promise.withResolvers<void>();
    const merged = mergeLogs(source("a", KEPT_IS_TOLD, heard.promise), [], async () => joins.shift() ?? nobody(), signal);
    for await (const { lines } of merged) {
      assert.deepEqual(
        lines.map(({ node }) => node),
        ["b"],
      );
      heard.resolve();
    }
  });

  test("is not held up by other nodes when the process that answers ends", async () => {
    const merged = mergeLogs(source("a", [1]), [source("b", KEPT_IS_TOLD, new Promise(() => {}))], nobody, signal);
    assert.deepEqual(await all(merged), ["a 1"]);
  });

  test("stops at once when the caller goes", async () => {
    const gone = new AbortController();
    const merged = mergeLogs(source("a", KEPT_IS_TOLD, new Promise(() => {})), [], nobody, gone.signal);
    const next = merged.next();
    gone.abort();
    assert.deepEqual(await next, { value: undefined, done: true });
  });
});
