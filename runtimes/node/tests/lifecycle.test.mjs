// PING, CANCEL, DRAIN, end-of-file, exits, and what the model prints.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { CallContext } from "../harness/context.mjs";
import { Host, modelFolder, ready, spec } from "./host.mjs";
import { raw } from "./wire.mjs";

const X = [spec("x", "FP64")];
const Y = [spec("y", "FP64")];
/** Answers when it is aborted or never; says that it began. */
const WAITS = `
export default ({ x }, { signal }) => new Promise((resolve, reject) => {
  signal.addEventListener("abort", () => reject(signal.reason));
  console.log("began " + x.data[0]);
});`;

/** @param {number[]} values */
function body(...values) {
  return { segments: [values.length], tensors: [{ index: 0, datatype: "FP64", shape: [values.length], data: raw(Float64Array.from(values)) }] };
}

/** @param {import("node:test").TestContext} t @param {string} source @param {object} [init] */
async function model(t, source, init) {
  return (await ready(t, modelFolder(t, { "model.mjs": source }), X, Y, init)).host;
}

/** @param {Host} host @param {string} text waits until the model printed it */
async function printed(host, text) {
  while (!host.stdout.includes(text)) await once(/** @type {import("node:stream").Readable} */ (host.child.stdout), "data");
}

describe("life of an instance", { concurrency: 4 }, () => {
  test("PING is answered at every time, also during a call", async (t) => {
    const host = new Host(t, modelFolder(t, { "model.mjs": WAITS }));
    host.send("PING", {}, 18446744073709551615n);
    await host.expect("HELLO");
    assert.equal((await host.expect("PONG")).id, 18446744073709551615n);
    host.send("INIT", { folder: host.folder, entry: null, per: "batch", content_type: null, libraries: [], max_frame: 1 << 20 });
    await host.expect("LOADED");
    await host.bind(X, Y);
    host.infer(body(1));
    await printed(host, "began");
    host.send("PING", {}, 5n);
    assert.equal((await host.expect("PONG")).id, 5n);
  });

  test("CANCEL stops an asynchronous call", async (t) => {
    const host = await model(t, WAITS);
    const id = 2n ** 53n + 1n;
    host.infer(body(1), id);
    await printed(host, "began");
    host.send("CANCEL", { reason: "deadline" }, id);
    const answer = await host.expect("ERROR");
    assert.equal(answer.id, id);
    assert.deepEqual([answer.json.kind, answer.json.message], ["CANCELLED", "the call was cancelled: deadline"]);
  });

  test("a signal that is asked for late is already aborted", () => {
    const context = new CallContext();
    context.cancel("deadline");
    assert.equal(context.signal.aborted, true);
    assert.equal(context.signal.reason.name, "AbortError");
  });

  test("CANCEL of another id, or of one already answered, does nothing", async (t) => {
    const host = await model(t, "export default async ({ x }, { signal }) => ({ y: [signal.aborted ? 1 : 0] });");
    host.send("CANCEL", { reason: "deadline" }, 1n);
    host.infer(body(1), 2n);
    host.send("CANCEL", { reason: "deadline" }, 1n);
    assert.equal((await host.expect("RESULT")).id, 2n);
    host.send("CANCEL", { reason: "deadline" }, 2n);
    host.infer(body(1), 3n);
    assert.equal((await host.expect("RESULT")).id, 3n);
  });

  test("CANCEL stops between the rows of a function that never awaits", async (t) => {
    const source = `export default ({ x }) => {
      if (x === 0) console.log("began");
      for (const end = performance.now() + 2; performance.now() < end; );
      return x;
    };`;
    const host = await model(t, source, { per: "row" });
    host.infer(body(...new Array(20_000).keys()));
    await printed(host, "began");
    host.send("CANCEL", { reason: "deadline" }, 1n);
    const { json } = await host.expect("ERROR");
    assert.deepEqual([json.kind, json.segment, json.row], ["CANCELLED", null, null]);
  });

  test("an INFER while one is in flight is a violation", async (t) => {
    const host = await model(t, WAITS);
    host.infer(body(1), 1n);
    host.infer(body(1), 2n);
    assert.equal((await host.expect("FAILED")).json.kind, "PROTOCOL");
    assert.equal(await host.exited, 70);
  });

  test("DRAIN ends with BYE and status 0", async (t) => {
    const host = await model(t, "setInterval(() => {}, 1000); export default ({ x }) => x;");
    host.send("DRAIN", {});
    await host.expect("BYE");
    assert.equal(await host.exited, 0);
  });

  test("DRAIN lets the call in flight answer", async (t) => {
    const source = 'import { setImmediate } from "node:timers/promises"; export default async ({ x }) => { await setImmediate(); return x; };';
    const host = await model(t, source);
    host.infer(body(1));
    host.send("DRAIN", {});
    await host.expect("RESULT");
    await host.expect("BYE");
    assert.equal(await host.exited, 0);
  });

  test("end-of-file ends the process before INIT", async (t) => {
    const host = new Host(t, modelFolder(t, {}));
    await host.expect("HELLO");
    host.socket.end();
    assert.equal(await host.exited, 0);
  });

  test("end-of-file ends the process while the model loads", async (t) => {
    const host = new Host(t, modelFolder(t, { "model.mjs": 'console.log("began"); setInterval(() => {}, 1000); await new Promise(() => {});' }));
    await host.init();
    await printed(host, "began");
    host.socket.end();
    assert.equal(await host.exited, 0);
  });

  test("end-of-file ends the process during a call", async (t) => {
    const host = await model(t, WAITS);
    host.infer(body(1));
    await printed(host, "began");
    host.socket.end();
    assert.equal(await host.exited, 0);
  });

  test("a host that is gone when the answer is written", async (t) => {
    const source = `export default () => {
      console.log("began");
      for (const end = performance.now() + 100; performance.now() < end; );
      return new Float64Array(1);
    };`;
    const host = await model(t, source);
    host.infer(body(1));
    await printed(host, "began");
    host.socket.destroy();
    assert.equal(await host.exited, 0);
  });

  test("process.exit in the model really exits", async (t) => {
    const host = await model(t, "export default () => process.exit(3);");
    host.infer(body(1));
    assert.equal(await host.exited, 3);
  });

  for (const [name, statement] of [
    ["an exception outside of a call", "setImmediate(() => { throw new Error('lost') })"],
    ["a rejection that nobody handles", "Promise.reject(new Error('lost'))"],
  ]) {
    test(`${name} ends the process as in plain Node`, async (t) => {
      const host = await model(t, `export default ({ x }) => { ${statement}; return x; };`);
      host.infer(body(1));
      assert.equal(await host.exited, 1);
      assert.match(host.stderr, /Error: lost/);
    });
  }

  test("what is printed goes to the log, whole, also when the process then exits", async (t) => {
    const source = `import { writeSync } from "node:fs";
      writeSync(1, "native\\n");
      export default () => {
        for (let i = 0; i < 50_000; i++) console.log("line " + i);
        console.error("err");
        process.stdout.write(Buffer.from([0xff, 0xfe]));
        process.exit(3);
      };`;
    const host = await model(t, source);
    host.infer(body(1));
    assert.equal(await host.exited, 3);
    const all = Buffer.concat(host.printed);
    assert.ok(host.stdout.startsWith("native\nline 0\n"));
    assert.ok(host.stdout.includes("line 49999\n"));
    assert.deepEqual(all.subarray(-2), Buffer.from([0xff, 0xfe]));
    assert.equal(host.stderr, "err\n");
  });

  test("a line is in the log before its call is answered", async (t) => {
    const host = await model(t, "export default ({ x }) => { console.log('seen'); return x; };");
    await Promise.all([host.call(body(1)), printed(host, "seen")]);
  });

  test("a child of the model does not inherit the transport", async (t) => {
    const source = `import { readlinkSync } from "node:fs"; import { spawnSync } from "node:child_process";
      const transport = readlinkSync("/proc/self/fd/3");
      const { stdout } = spawnSync("ls", ["-l", "/proc/self/fd"], { encoding: "utf8" });
      console.log(transport.startsWith("socket:") && !stdout.includes(transport));
      export default ({ x }) => x;`;
    const host = await model(t, source);
    await printed(host, "\n");
    assert.equal(host.stdout, "true\n");
  });
});
