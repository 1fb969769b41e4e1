import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { describe, type TestContext, test } from "node:test";
import { captureLines } from "../../../../workers/instance/log-capture.ts";

const KIB = 1024;

interface Captured {
  readonly lines: string[];
  /** One entry per report. */
  readonly dropped: number[];
}

/** A stream whose chunks the capture takes at once, and what it makes of them. */
function capture(): { stream: PassThrough; captured: Captured } {
  const stream = new PassThrough();
  const captured: Captured = { lines: [], dropped: [] };
  captureLines(
    stream,
    (line) => captured.lines.push(line),
    (lines) => captured.dropped.push(lines),
  );
  return { stream, captured };
}

/** What is captured of a stream that carries these chunks and ends. */
async function captureAll(...chunks: (string | Uint8Array)[]): Promise<Captured> {
  const { stream, captured } = capture();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await once(stream, "end");
  return captured;
}

/** A clock that stands still unless the test moves it. */
function clock(t: TestContext): { nowMs: number } {
  const time = { nowMs: 0 };
  t.mock.method(performance, "now", () => time.nowMs);
  return time;
}

describe("what a model prints", () => {
  test("is cut into lines, empty ones too", async () => {
    assert.deepEqual((await captureAll("a\n\nb\n")).lines, ["a", "", "b"]);
  });

  test("is cut into lines wherever its chunks end", async () => {
    assert.deepEqual((await captureAll("fir", "st\nsec", "ond", "\n")).lines, ["first", "second"]);
  });

  test("may end without a line feed", async () => {
    assert.deepEqual((await captureAll("a\nb")).lines, ["a", "b"]);
  });

  test("may be nothing", async () => {
    assert.deepEqual(await captureAll(), { lines: [], dropped: [] });
  });

  test("may end its lines as Windows does", async () => {
    assert.deepEqual((await captureAll("a\r\nb\r\n")).lines, ["a", "b"]);
  });

  test("may hold characters that two chunks share", async () => {
    const bytes = Buffer.from("größe\n");
    assert.deepEqual((await captureAll(bytes.subarray(0, 3), bytes.subarray(3))).lines, ["größe"]);
  });

  test("may hold bytes that are no UTF-8, which show as such", async () => {
    assert.deepEqual((await captureAll(Buffer.from([0x61, 0xff, 0x62, 0x0a]))).lines, ["a\u{fffd}b"]);
  });

  test("may end within a character", async () => {
    assert.deepEqual((await captureAll(Buffer.from([0x61, 0xc3]))).lines, ["a\u{fffd}"]);
  });
});

describe("a line that is too long", () => {
  test("is cut, and says so", async () => {
    assert.deepEqual((await captureAll(`${"x".repeat(9 * KIB)}\nnext\n`)).lines, [`${"x".repeat(8 * KIB)} [cut]`, "next"]);
  });

  test("of just the limit is not cut", async () => {
    assert.deepEqual((await captureAll(`${"x".repeat(8 * KIB)}\n`)).lines, ["x".repeat(8 * KIB)]);
  });

  test("is one line, however many chunks it comes in", async () => {
    const chunk = "x".repeat(5 * KIB);
    assert.deepEqual((await captureAll(chunk, chunk, chunk, chunk, "\nnext\n")).lines, [`${"x".repeat(8 * KIB)} [cut]`, "next"]);
  });

  test("is one line though it never ends", async () => {
    const chunk = "x".repeat(5 * KIB);
    assert.deepEqual((await captureAll(chunk, chunk, chunk)).lines, [`${"x".repeat(8 * KIB)} [cut]`]);
  });
});

describe("a flood", () => {
  /** Takes a KiB with what the log adds. */
  const line = `${"x".repeat(KIB - 256 - 2)}\n`;

  test("is cut off after a burst, and the end says how many lines are missing", async (t) => {
    clock(t);
    const { lines, dropped } = await captureAll(line.repeat(6000));
    assert.equal(lines.length, 4 * KIB);
    assert.deepEqual(dropped, [6000 - lines.length]);
  });

  test("of empty lines is one as well", async (t) => {
    clock(t);
    assert.equal((await captureAll("\n".repeat(20_000))).lines.length, Math.floor((4 * KIB * KIB) / 258));
  });

  test("is not looked at for a while: its lines are counted, and each chunk waits", async (t) => {
    clock(t);
    const { stream, captured } = capture();
    stream.write(line.repeat(5000));
    assert.equal(stream.isPaused(), true);
    stream.end("a\nb\nc");
    await once(stream, "end");
    assert.deepEqual([captured.lines.length, captured.dropped], [4 * KIB, [5000 - 4 * KIB + 2]]);
  });

  test("counts as it stands in the log", async (t) => {
    clock(t);
    const control = `${"\x01".repeat(8 * KIB)}\n`;
    assert.equal((await captureAll(control.repeat(100))).lines.length, Math.floor((4 * KIB * KIB) / (6 * 8 * KIB + 258)));
  });

  test("leaves room again with time, and the next line comes after the count of those that are missing", async (t) => {
    const time = clock(t);
    const { stream, captured } = capture();
    stream.write(line.repeat(4200));
    const before = captured.lines.length;
    const missing = 4200 - before;
    time.nowMs += 1000;
    stream.end("later\n");
    await once(stream, "end");
    assert.deepEqual([captured.dropped, captured.lines.slice(before)], [[missing], ["later"]]);
  });

  test("is refilled at a quarter of a MiB a second", async (t) => {
    const time = clock(t);
    const { stream, captured } = capture();
    stream.write(line.repeat(5000));
    const before = captured.lines.length;
    time.nowMs += 1000;
    stream.end(line.repeat(1000));
    await once(stream, "end");
    assert.equal(captured.lines.length - before, 256);
  });

  test("never saves up more than one burst", async (t) => {
    const time = clock(t);
    const { stream, captured } = capture();
    time.nowMs += 3_600_000;
    stream.end(line.repeat(6000));
    await once(stream, "end");
    assert.equal(captured.lines.length, 4 * KIB);
  });
});
