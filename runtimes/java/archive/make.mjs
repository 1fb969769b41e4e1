// Makes the class-data archive of the harness: node make.mjs FOLDER, with idiom-harness.jar in FOLDER; java and javac are those of the PATH.
// The JVM writes down what it loads in a few short lives of an instance; that, and the JDK's own list, is archived. Any Node from 18 on.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const SAMPLE = join(dirname(fileURLToPath(import.meta.url)), "Sample.java");

/** Frames of PROTOCOL.md that the host sends. */
const FRAMES = { init: 0x02, bind: 0x04, drain: 0x0b, infer: 0x10 };
/** What comes back until the first call is answered: HELLO, LOADED, READY, RESULT. */
const ANSWERS = [0x01, 0x03, 0x05, 0x11];

const CODES = { BOOL: 1, INT32: 8, INT64: 9, FP32: 11, FP64: 12, BYTES: 13 };
/** One element of each. The text can also be read as a date-time. */
const TEXT = Buffer.from("\x14\0\0\0" + "2026-01-02T03:04:05Z");
const VALUES = { BOOL: Buffer.alloc(1), INT32: Buffer.alloc(4), INT64: Buffer.alloc(8), FP32: Buffer.alloc(4), FP64: Buffer.alloc(8), BYTES: TEXT };

const tensor = (name, datatype, rank = 1) => ({ name, datatype, shape: Array(rank).fill(-1), content_type: null, na: null, levels: null });

/** Methods of Sample, each called in another way; the first is found, the others are named. */
const LIVES = [
  { entry: null, inputs: [tensor("x", "FP32", 2)], outputs: [tensor("y", "FP32", 2)] },
  { entry: "Sample:named", inputs: [tensor("a", "INT32"), tensor("b", "BOOL")], outputs: [tensor("a", "INT32"), tensor("b", "BOOL")] },
  {
    entry: "Sample:table",
    inputs: [tensor("age", "FP64"), tensor("visits", "INT64"), tensor("plan", "BYTES"), { ...tensor("since", "BYTES"), content_type: "datetime" }],
    outputs: [tensor("score", "FP64"), tensor("label", "BYTES")],
  },
  { entry: "Sample:row", inputs: [tensor("age", "FP64"), tensor("plan", "BYTES")], outputs: [tensor("score", "FP64")] },
];

// Named as the host names it: the JVM compares the names of the jar.
const folder = resolve(process.argv[2]);
const jar = join(folder, "idiom-harness.jar");
const archive = join(folder, "idiom-harness.jsa");
const scratch = mkdtempSync(join(tmpdir(), "idiom-archive-"));
try {
  const classes = join(scratch, "classes");
  mkdirSync(classes);
  await run("javac", ["-parameters", "-d", classes, SAMPLE]);
  const listed = new Set();
  for (const [i, life] of LIVES.entries()) {
    const list = join(scratch, `${i}.lst`);
    await live(["-Xshare:auto", `-XX:DumpLoadedClassList=${list}`, "-jar", jar], life, classes);
    for (const line of archivable(list)) listed.add(line);
  }
  const list = join(scratch, "all.lst");
  writeFileSync(list, [...listed, ""].join("\n"));
  // G1, whatever the machine's size: with it alone objects of the JDK get into an archive. All collectors can read them.
  await run("java", ["-Xshare:dump", "-XX:+UseG1GC", `-XX:ExtraSharedClassListFile=${list}`, `-XX:SharedArchiveFile=${archive}.new`, "-jar", jar]);
  renameSync(`${archive}.new`, archive);
} finally {
  for (const rest of [scratch, `${archive}.new`]) rmSync(rest, { recursive: true, force: true });
}

/** The lines of a list that do not speak of Sample, which no archive holds, and without their ids: another list gives the same ones again. */
function archivable(list) {
  return readFileSync(list, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !/\bSample\b/.test(line))
    .map((line) => line.replace(/ id: .*/, ""));
}

/** One instance from HELLO to BYE, with a call that succeeds and one that fails. All is sent at once: the harness takes one frame after the other. */
async function live(command, { entry, inputs, outputs }, classes) {
  const init = { model: "sample", version: "1", instance: "sample", folder: scratch, entry, per: "batch", content_type: null };
  const call = infer(inputs);
  const sent = [
    frame(FRAMES.init, 0, { ...init, libraries: [classes], max_frame: 2 ** 20 }),
    frame(FRAMES.bind, 0, { inputs, outputs }),
    frame(FRAMES.infer, 1, call),
    frame(FRAMES.infer, 2, call),
    frame(FRAMES.drain, 0, {}),
  ];
  const received = await run("java", command, Buffer.concat(sent));
  const types = [];
  for (let at = 0; at < received.length; at += 16 + received.readUInt32LE(at)) types.push(received[at + 4]);
  if (String(types.slice(0, ANSWERS.length)) !== String(ANSWERS)) throw new Error(`the harness answered: ${received.toString("latin1")}`);
}

/** Runs a command to its end; descriptor 3 is given `sent`. @returns what came back from there */
function run(program, args, sent = Buffer.alloc(0)) {
  const child = spawn(program, args, { cwd: scratch, stdio: ["ignore", "inherit", "inherit", "pipe"], timeout: 60_000 });
  const received = [];
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(received));
      else reject(new Error(`${program} ended with ${code ?? signal}`));
    });
    child.stdio[3].on("data", (chunk) => received.push(chunk));
    child.stdio[3].on("error", () => {}); // how it ended says more
    child.stdio[3].write(sent);
  });
}

function frame(type, id, body) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
  const header = Buffer.alloc(16);
  header.writeUInt32LE(bytes.length, 0);
  header.writeUInt8(type, 4);
  header.writeBigUInt64LE(BigInt(id), 8);
  return Buffer.concat([header, bytes]);
}

/** The body of an INFER with one row. */
function infer(inputs) {
  const words = [1, inputs.length, 0, 1];
  inputs.forEach(({ datatype, shape }, index) => words.push(index, CODES[datatype], 0, VALUES[datatype].length, shape.length, ...shape.map(() => 1)));
  if (words.length % 2 === 0) words.push(0);
  const header = Buffer.from(Int32Array.of(4 * (words.length + 1), ...words).buffer);
  const data = inputs.flatMap(({ datatype }) => [VALUES[datatype], Buffer.alloc(-VALUES[datatype].length & 7)]);
  // Nothing follows the last one, not even padding.
  return Buffer.concat([header, ...data.slice(0, -1)]);
}
