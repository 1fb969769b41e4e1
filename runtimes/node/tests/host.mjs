// A host for the tests: starts the real harness as runtime.json says, speaks the protocol over the real socket, and awaits what comes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { decodeBody, encodeBody } from "./wire.mjs";

const RUNTIME = resolve(import.meta.dirname, "..");
export const REPOSITORY = resolve(RUNTIME, "../..");
export const VECTORS = join(REPOSITORY, "proto/harness/v1/vectors");
export const runtime = JSON.parse(readFileSync(join(RUNTIME, "runtime.json"), "utf8"));
export const TYPE = /** @type {Record<string, number>} */ ({
  HELLO: 1, INIT: 2, LOADED: 3, BIND: 4, READY: 5, FAILED: 6, LOG: 7, CANCEL: 8, PING: 9, PONG: 10, DRAIN: 11, BYE: 12, INFER: 16, RESULT: 17, ERROR: 18,
}); // biome-ignore format: a table
const NAMES = new Map(Object.entries(TYPE).map(([name, code]) => [code, name]));

/** @param {string} name of a file of vectors */
export function vectors(name) {
  return JSON.parse(readFileSync(join(VECTORS, name), "utf8"));
}

/**
 * A tensor as BIND and hints have it.
 * @param {string} name @param {string | null} datatype @param {number[] | null} [shape] @param {object} [more]
 */
export function spec(name, datatype, shape = [-1], more = {}) {
  return { name, datatype, shape, content_type: null, na: null, levels: null, ...more };
}

/**
 * A model folder that goes away with the test.
 * @param {import("node:test").TestContext} t @param {Record<string, string>} files
 */
export function modelFolder(t, files) {
  const folder = mkdtempSync(join(tmpdir(), "idiom-node-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** @param {string} behaviour */
export function fixture(behaviour) {
  return join(REPOSITORY, "test/fixtures/models", behaviour, "node");
}

/** @param {number} type @param {Buffer} body @param {bigint} id */
export function frame(type, body, id) {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(body.length, 0);
  header[4] = type;
  header.writeBigUInt64LE(id, 8);
  return Buffer.concat([header, body]);
}

/** @typedef {{type: string, id: bigint, body: Buffer, json: any}} Received */

export class Host {
  /** @type {Received[]} */
  #frames = [];
  /** @type {((frame: Received) => void)[]} */
  #waiting = [];
  #rest = Buffer.alloc(0);
  stdout = "";
  stderr = "";
  /** All bytes of standard output. @type {Buffer[]} */
  printed = [];

  /** @param {import("node:test").TestContext} t @param {string} folder */
  constructor(t, folder) {
    const replaced = { "{node}": process.execPath, "{bundled}": join(RUNTIME, "..", "..", "dist", "runtimes", "node"), "{heap_mb}": "256" };
    const argv = runtime.command.map((/** @type {string} */ word) => Object.entries(replaced).reduce((text, [from, to]) => text.replace(from, to), word));
    const env = { PATH: process.env.PATH, HOME: tmpdir(), TMPDIR: tmpdir(), LANG: "C.UTF-8", ...runtime.env };
    this.child = spawn(argv[0], argv.slice(1), { cwd: folder, env, stdio: ["ignore", "pipe", "pipe", "pipe"] });
    this.socket = /** @type {import("node:net").Socket} */ (/** @type {unknown} */ (this.child.stdio[3]));
    this.socket.on("data", (chunk) => this.#read(chunk));
    this.socket.on("error", () => {});
    this.child.stdout?.on("data", (chunk) => {
      this.printed.push(chunk);
      this.stdout += chunk;
    });
    this.child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
    /** Status or signal, once the process is gone and all that it wrote is read. @type {Promise<number | string>} */
    this.exited = once(this.child, "close").then(([status, signal]) => status ?? signal);
    this.folder = folder;
    t.after(() => this.child.kill("SIGKILL"));
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 16 && this.#rest.length >= 16 + this.#rest.readUInt32LE(0)) {
      const end = 16 + this.#rest.readUInt32LE(0);
      const type = NAMES.get(this.#rest[4]) ?? "";
      const body = this.#rest.subarray(16, end);
      const received = { type, id: this.#rest.readBigUInt64LE(8), body, json: type === "RESULT" ? null : JSON.parse(body.toString()) };
      this.#rest = this.#rest.subarray(end);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#frames.push(received);
      else waiting(received);
    }
  }

  /** The next frame; fails if the process ends before it comes. @returns {Promise<Received>} */
  async next() {
    const ready = this.#frames.shift();
    if (ready !== undefined) return ready;
    const gone = this.exited.then((status) => {
      throw new Error(`the harness ended with ${status} instead of a frame; it wrote: ${this.stderr}`);
    });
    return Promise.race([new Promise((/** @type {(frame: Received) => void} */ done) => this.#waiting.push(done)), gone]);
  }

  /** The next frame, which must be of this type. @param {string} type */
  async expect(type) {
    const received = await this.next();
    if (received.type !== type) throw new Error(`${received.type} instead of ${type}: ${JSON.stringify(received.json)}`);
    return received;
  }

  /** @param {string} type @param {object} json @param {bigint} [id] */
  send(type, json, id = 0n) {
    this.socket.write(frame(TYPE[type], Buffer.from(JSON.stringify(json)), id));
  }

  /** @param {object} [init] */
  async init(init = {}) {
    await this.expect("HELLO");
    const standard = {
      model: "m",
      version: "1",
      instance: "m/1#1",
      folder: this.folder,
      entry: null,
      per: "batch",
      content_type: null,
      libraries: [],
      max_frame: 1 << 26,
    };
    this.send("INIT", { ...standard, ...init });
  }

  /** Sends BIND and awaits READY. @param {object[]} inputs @param {object[]} outputs @returns {Promise<string>} the convention */
  async bind(inputs, outputs) {
    this.send("BIND", { inputs, outputs });
    return (await this.expect("READY")).json.convention;
  }

  /** @param {import("./wire.mjs").TensorBody} body @param {bigint} [id] */
  infer(body, id = 1n) {
    this.socket.write(frame(TYPE.INFER, encodeBody(body), id));
  }

  /** Sends INFER and awaits its answer. @param {import("./wire.mjs").TensorBody} body @param {bigint} [id] */
  async call(body, id = 1n) {
    this.infer(body, id);
    const answer = await this.next();
    if (answer.id !== id) throw new Error(`an answer to ${answer.id}`);
    if (answer.type === "RESULT") return { result: decodeBody(answer.body), error: null };
    return { result: null, error: answer.json };
  }
}

/**
 * Starts a harness with a model and binds it.
 * @param {import("node:test").TestContext} t @param {string} folder @param {object[]} inputs @param {object[]} outputs @param {object} [init]
 */
export async function ready(t, folder, inputs, outputs, init = {}) {
  const host = new Host(t, folder);
  await host.init(init);
  const loaded = (await host.expect("LOADED")).json;
  const convention = await host.bind(inputs, outputs);
  return { host, loaded, convention };
}
