// Microseconds for a frame, over the real socket: `node runtimes/node/tests/bench.mjs [frames]`. The floor is a child that echoes the bytes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { frame, Host, spec, TYPE } from "./host.mjs";
import { encodeBody } from "./wire.mjs";

const FRAMES = Number(process.argv[2] ?? 30_000);
const WARM_UP = 5_000;
const ECHO = `
import { Socket } from "node:net";
const socket = new Socket({ fd: 3, readable: true, writable: true });
socket.on("data", (data) => socket.write(data));
socket.on("end", () => process.exit(0));
`;
const AFFINE = `
export default ({ x }) => {
  const rows = x.shape[0];
  const y = new Float32Array(rows * 3);
  for (let i = 0; i < rows; i++) for (let j = 0; j < 3; j++) y[3 * i + j] = 2 * x.data[4 * i + j] + 1;
  return { y };
};
`;
const ROW = "export default ({ a, b, c }) => a + 2 * b + c;";

const folder = mkdtempSync(join(tmpdir(), "idiom-bench-"));
const cleanups = [() => rmSync(folder, { recursive: true })];
const context = /** @type {any} */ ({ after: (/** @type {() => void} */ cleanup) => cleanups.push(cleanup) });
writeFileSync(join(folder, "echo.mjs"), ECHO);
writeFileSync(join(folder, "affine.mjs"), AFFINE);
writeFileSync(join(folder, "row.mjs"), ROW);

const floats = (/** @type {number} */ count) => Buffer.from(Float32Array.from({ length: count }, (_, i) => i).buffer);
for (const rows of [1, 64]) {
  const segments = new Array(rows).fill(1);
  const tensor = (/** @type {number} */ index, /** @type {number[]} */ shape) => ({
    index,
    datatype: "FP32",
    shape,
    data: floats(shape.reduce((a, b) => a * b)),
  });
  const affine = frame(TYPE.INFER, encodeBody({ segments, tensors: [tensor(0, [rows, 4])] }), 1n);
  const row = frame(TYPE.INFER, encodeBody({ segments, tensors: [0, 1, 2].map((i) => tensor(i, [rows])) }), 1n);

  const echo = spawn(process.execPath, [join(folder, "echo.mjs")], { stdio: ["ignore", "inherit", "inherit", "pipe"] });
  await measure(`echo, ${affine.length} bytes`, /** @type {any} */ (echo.stdio[3]), affine, affine.length);
  echo.kill();

  for (const [name, inputs, shape, message, per] of /** @type {const} */ ([
    ["affine", [spec("x", "FP32", [-1, 4])], [-1, 3], affine, "batch"],
    ["row", ["a", "b", "c"].map((input) => spec(input, "FP32")), [-1], row, "row"],
  ])) {
    const host = new Host(context, folder);
    await host.init({ entry: `${name}.mjs:default`, per });
    await host.expect("LOADED");
    await host.bind([...inputs], [spec("y", "FP32", [...shape])]);
    host.socket.removeAllListeners("data");
    host.socket.write(message);
    const [answer] = await once(host.socket, "data");
    await measure(`${name}, ${rows} rows`, host.socket, message, answer.length);
    host.socket.destroy();
    await host.exited;
  }
}
for (const cleanup of cleanups) cleanup();

/** @param {string} name @param {import("node:net").Socket} socket @param {Buffer} message @param {number} answerLength */
async function measure(name, socket, message, answerLength) {
  const times = new Float64Array(FRAMES);
  let done = -WARM_UP;
  let started = 0;
  let missing = answerLength;
  await new Promise((/** @type {(value?: unknown) => void} */ finished) => {
    socket.on("data", (chunk) => {
      missing -= chunk.length;
      if (missing > 0) return;
      if (done >= 0) times[done] = performance.now() - started;
      if (++done === FRAMES) return finished();
      missing = answerLength;
      started = performance.now();
      socket.write(message);
    });
    started = performance.now();
    socket.write(message);
  });
  times.sort();
  const at = (/** @type {number} */ share) => (times[Math.floor(FRAMES * share)] * 1000).toFixed(1);
  const mean = ((times.reduce((sum, time) => sum + time, 0) / FRAMES) * 1000).toFixed(1);
  console.log(`${name.padEnd(18)} mean ${mean}  p50 ${at(0.5)}  p99 ${at(0.99)} us`);
}
