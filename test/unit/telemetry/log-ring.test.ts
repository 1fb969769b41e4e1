import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LogChunk, LogLine, LogQuery } from "../../../src/core/admin.ts";
import { LogRing } from "../../../src/telemetry/log-ring.ts";

function line(message: string, model = "m"): LogLine {
  return { node: "n", timeMs: 0, level: "info", model, version: "1", instance: `${model}/1#1`, stream: "stdout", message };
}

function ringOf(messages: readonly string[], limits = { maxLines: 100, maxBytes: 10_000 }): LogRing {
  const ring = new LogRing("n", limits);
  for (const message of messages) ring.append(line(message));
  return ring;
}

const numbered = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `${from + i}`);

/** A reader that a test drives: each chunk is asked for by hand. */
function reader(ring: LogRing, query: Partial<LogQuery> = {}): { next(): Promise<{ lost: number; messages: string[] } | null>; stop(): void } {
  const gone = new AbortController();
  const chunks = ring.tail({ model: "", last: 0, follow: true, ...query }, gone.signal);
  return {
    async next() {
      const { value, done } = await chunks.next();
      return done ? null : { lost: (value as LogChunk).lost, messages: (value as LogChunk).lines.map((one) => one.message) };
    },
    stop: () => gone.abort(),
  };
}

async function all(ring: LogRing, query: Partial<LogQuery>): Promise<string[]> {
  const messages: string[] = [];
  const chunks = reader(ring, { follow: false, last: 1000, ...query });
  for (let chunk = await chunks.next(); chunk !== null; chunk = await chunks.next()) messages.push(...chunk.messages);
  return messages;
}

describe("what is kept", () => {
  test("is given from the last lines asked for, in order, whatever their number", async () => {
    const ring = ringOf(numbered(90));
    assert.deepEqual(await all(ring, { last: 3 }), ["87", "88", "89"]);
    assert.deepEqual(await all(ring, { last: 90 }), numbered(90));
    assert.deepEqual(await all(ring, { last: 0 }), []);
  });

  test("is the newest lines, up to a number", async () => {
    assert.deepEqual(await all(ringOf(numbered(5), { maxLines: 3, maxBytes: 1000 }), {}), ["2", "3", "4"]);
  });

  test("is the newest lines, up to a size in bytes", async () => {
    assert.deepEqual(await all(ringOf(["äää", "bb", "cc"], { maxLines: 100, maxBytes: 8 }), {}), ["bb", "cc"]);
  });

  test("of one model counts that model's lines alone", async () => {
    const ring = new LogRing("n", { maxLines: 100, maxBytes: 1000 });
    for (const message of ["1", "2", "3"]) for (const model of ["a", "b"]) ring.append(line(`${model}${message}`, model));
    assert.deepEqual(await all(ring, { model: "a", last: 2 }), ["a2", "a3"]);
  });
});

describe("a reader that follows", () => {
  test("gets what comes after it has begun", async () => {
    const ring = ringOf(["before"]);
    const follower = reader(ring);
    await follower.next();
    const next = follower.next();
    ring.append(line("after"));
    assert.deepEqual(await next, { lost: 0, messages: ["after"] });
  });

  test("is told once, by a chunk without lines, that it has heard what was kept", async () => {
    const ring = ringOf(["before"]);
    const follower = reader(ring, { last: 1 });
    assert.deepEqual(
      [await follower.next(), await follower.next()],
      [
        { lost: 0, messages: ["before"] },
        { lost: 0, messages: [] },
      ],
    );
    const next = follower.next();
    ring.append(line("after"));
    assert.deepEqual(await next, { lost: 0, messages: ["after"] });
  });

  test("ends with the ring, after the lines that came before that", async () => {
    const ring = ringOf([]);
    const follower = reader(ring, { last: 10 });
    ring.append(line("last"));
    ring.end();
    assert.deepEqual([await follower.next(), await follower.next()], [{ lost: 0, messages: ["last"] }, null]);
  });

  test("ends when its caller goes, also while it waits", async () => {
    const follower = reader(ringOf([]));
    await follower.next();
    const next = follower.next();
    follower.stop();
    assert.equal(await next, null);
  });

  test("that is too slow loses lines and is told how many", async () => {
    const ring = ringOf([], { maxLines: 4, maxBytes: 1000 });
    const follower = reader(ring);
    await follower.next();
    const first = follower.next();
    ring.append(line("0"));
    assert.deepEqual(await first, { lost: 0, messages: ["0"] });
    for (const message of numbered(10, 1)) ring.append(line(message));
    assert.deepEqual(await follower.next(), { lost: 6, messages: ["7", "8", "9", "10"] });
  });

  test("of one model is told of that model's lines alone", async () => {
    const ring = new LogRing("n", { maxLines: 4, maxBytes: 1000 });
    ring.append(line("a0", "a"));
    const follower = reader(ring, { model: "a", last: 1 });
    assert.deepEqual(await follower.next(), { lost: 0, messages: ["a0"] });
    for (const message of ["a1", "a2", "a3"]) ring.append(line(message, "a"));
    for (const message of numbered(3)) ring.append(line(message, "b"));
    assert.deepEqual(await follower.next(), { lost: 2, messages: ["a3"] });
    for (const message of ["a4", "a5"]) ring.append(line(message, "a"));
    for (const message of numbered(4)) ring.append(line(message, "b"));
    assert.deepEqual(await follower.next(), { lost: 2, messages: [] });
  });
});

describe("a line of the log", () => {
  const written = async (entry: object): Promise<LogLine | undefined> => {
    const ring = new LogRing("n");
    ring.write(`${JSON.stringify(entry)}\n`);
    const { value } = await ring.tail({ model: "", last: 1, follow: false }, new AbortController().signal).next();
    return (value as LogChunk).lines[0];
  };

  test("keeps what it says of a model, and the reason with the message", async () => {
    assert.deepEqual(
      await written({ level: 50, time: "1970-01-01T00:00:01.500Z", model: "m", version: "2", instance: "m/2#1", reason: "no weights", msg: "failed" }),
      { node: "n", timeMs: 1500, level: "error", model: "m", version: "2", instance: "m/2#1", stream: "", message: "failed: no weights" },
    );
  });

  test("may be about no model, with the time as pino counts it", async () => {
    assert.deepEqual(await written({ level: 30, time: 1500, msg: "hello" }), {
      node: "n",
      timeMs: 1500,
      level: "info",
      model: "",
      version: "",
      instance: "",
      stream: "",
      message: "hello",
    });
  });

  test("is cut when nobody would read all of it", async () => {
    assert.match((await written({ level: 30, time: 0, msg: "x".repeat(100_000) }))?.message ?? "", /^x{32768} \[cut\]$/);
  });
});
