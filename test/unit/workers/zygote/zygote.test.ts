import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, constants, openSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, type TestContext, test } from "node:test";
import { type ExitCause, runTool } from "../../../../src/process/spawn.ts";
import { encodeJsonFrame, FrameDecoder } from "../../../../workers/instance/frame-codec.ts";
import type { FrameName } from "../../../../workers/instance/protocol.ts";
import type { ConfinedProcess } from "../../../../workers/sandbox/launcher.ts";
import { Zygote } from "../../../../workers/zygote/zygote.ts";
import { temporaryFolder } from "../../../support/folders.ts";

const NO_FORK = { kind: "NO_FORK", type: null, message: "it runs threads", traceback: [] };

/** A zygote whose process is this test: what it says, hears, and how the host treats it. */
class ZygotePeer {
  readonly zygote: Zygote;
  readonly signals: NodeJS.Signals[] = [];
  readonly heard: string[] = [];
  readonly #control: Socket;
  readonly #exit = Promise.withResolvers<ExitCause>();
  readonly #frames: { readonly type: FrameName; readonly id: number }[] = [];
  readonly #pipe: number;
  #arrived = Promise.withResolvers<void>();

  private constructor(own: Socket, hosts: Socket, pipe: number) {
    this.#control = own;
    this.#pipe = pipe;
    const decoder = new FrameDecoder(1024, ({ type, id }) => {
      this.#frames.push({ type, id });
      this.#arrived.resolve();
    });
    own.on("data", (chunk: Buffer) => decoder.push(chunk));
    own.on("error", () => {});
    const stream = new PassThrough() as unknown as Socket;
    const sandbox: ConfinedProcess = {
      pid: process.pid,
      input: stream,
      output: stream,
      control: hosts,
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      ended: false,
      overrun: null,
      exited: this.#exit.promise,
      kill: (signal) => {
        this.signals.push(signal);
        this.exit({ code: null, signal });
      },
      interrupt: () => {},
      adopt: (pid) => ({ pid: 1000 + pid, overrun: null, kill: () => {}, interrupt: () => {}, ended: async () => {} }),
    };
    this.zygote = new Zygote(sandbox, {
      unforkable: (reason) => this.heard.push(`unforkable: ${reason}`),
      forkFailed: (reason) => this.heard.push(`failed: ${reason}`),
      violation: (reason) => this.heard.push(`violation: ${reason}`),
    });
  }

  static async open(t: TestContext): Promise<ZygotePeer> {
    const folder = temporaryFolder(t);
    const server = createServer();
    await once(server.listen(join(folder, "pair")), "listening");
    const own = connect(join(folder, "pair"));
    const [[hosts]] = (await Promise.all([once(server, "connection"), once(own, "connect")])) as [[Socket], unknown];
    server.close();
    await runTool("mkfifo", [join(folder, "pipe")]);
    const pipe = openSync(join(folder, "pipe"), constants.O_RDWR | constants.O_NONBLOCK);
    const peer = new ZygotePeer(own, hosts, pipe);
    t.after(() => {
      peer.exit({ code: 0, signal: null });
      own.destroy();
      hosts.destroy();
      closeSync(pipe);
    });
    return peer;
  }

  say(type: FrameName, id: number, body: object): void {
    this.#control.write(encodeJsonFrame(type, id, body));
  }

  /** Tells of a fork; all its pipes are one pipe. */
  sayForked(id: number, pid: number): void {
    const transport = id === 0 ? null : this.#pipe;
    this.say("FORKED", id, { pid, pipes: { input: transport, output: transport, stdout: this.#pipe, stderr: this.#pipe } });
  }

  /** The next frame of the host. */
  async next(): Promise<string> {
    while (this.#frames.length === 0) {
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers<void>();
    }
    const { type, id } = this.#frames.shift() as { type: FrameName; id: number };
    return `${type} ${id}`;
  }

  /** Its process has ended. */
  exit(cause: ExitCause): void {
    this.#exit.resolve(cause);
  }

  /** Resolves when the host has killed it. */
  async killed(): Promise<void> {
    await this.#exit.promise;
    assert.deepEqual(this.signals, ["SIGKILL"]);
  }
}

async function forking(t: TestContext): Promise<ZygotePeer> {
  const peer = await ZygotePeer.open(t);
  peer.sayForked(0, 3);
  assert.equal(await peer.next(), "TAKEN 0");
  return peer;
}

describe("a process that forks instances", () => {
  test("is the first instance itself until it has forked it", async (t) => {
    const peer = await ZygotePeer.open(t);
    assert.equal(peer.zygote.first.pid, process.pid);
    peer.sayForked(0, 3);
    await peer.next();
    assert.equal(peer.zygote.first.pid, 1003);
  });

  test("is asked for a further one, which is taken over with its pipes", async (t) => {
    const peer = await forking(t);
    const forked = peer.zygote.fork();
    assert.equal(await peer.next(), "FORK 1");
    peer.sayForked(1, 4);
    assert.equal((await forked)?.pid, 1004);
    assert.equal(await peer.next(), "TAKEN 1");
  });

  const ends: readonly (readonly [string, object, ExitCause])[] = [
    ["status", { code: 3, signal: null }, { code: 3, signal: null }],
    ["signal", { code: null, signal: 15 }, { code: null, signal: "SIGTERM" }],
  ];
  for (const [what, said, cause] of ends) {
    test(`tells how one ended: by ${what}`, async (t) => {
      const peer = await forking(t);
      peer.say("EXITED", 0, { pid: 3, ...said });
      assert.deepEqual(await peer.zygote.first.exited, cause);
      assert.deepEqual(peer.signals, []);
    });
  }

  test("takes its instances with it, and forks no more", async (t) => {
    const peer = await forking(t);
    const asked = peer.zygote.fork();
    await peer.next();
    peer.exit({ code: 1, signal: null });
    assert.equal(await asked, null);
    assert.deepEqual(await peer.zygote.first.exited, { code: null, signal: "SIGKILL" });
    assert.equal(await peer.zygote.fork(), null);
  });

  test("that ends before it has forked ends as the instance that it is", async (t) => {
    const peer = await ZygotePeer.open(t);
    const asked = peer.zygote.fork();
    peer.exit({ code: 1, signal: null });
    assert.deepEqual(await peer.zygote.first.exited, { code: 1, signal: null });
    assert.equal(await asked, null);
  });

  test("may say that its model cannot be forked", async (t) => {
    const peer = await ZygotePeer.open(t);
    const asked = peer.zygote.fork();
    peer.say("FAILED", 0, NO_FORK);
    assert.equal(await asked, null);
    assert.deepEqual([peer.heard, peer.signals], [["unforkable: it runs threads"], []]);
    assert.equal(peer.zygote.first.pid, process.pid);
  });

  test("that fails to fork stays for the instances that it has, and no longer", async (t) => {
    const peer = await forking(t);
    const asked = peer.zygote.fork();
    await peer.next();
    peer.say("FAILED", 1, NO_FORK);
    assert.equal(await asked, null);
    assert.deepEqual([peer.heard, peer.signals], [["failed: it runs threads"], []]);
    peer.say("EXITED", 0, { pid: 3, code: 0, signal: null });
    await peer.killed();
  });
});

describe("a process that forks instances is killed when it", () => {
  const lies: readonly (readonly [string, (peer: ZygotePeer) => void, RegExp])[] = [
    ["tells of the end of a process that it never forked", (peer) => peer.say("EXITED", 0, { pid: 99, code: 0, signal: null }), /process 99 was never forked/],
    ["forks without being asked", (peer) => peer.sayForked(8, 4), /nobody has asked for fork 8/],
    ["forks the first one twice", (peer) => peer.sayForked(0, 4), /the first instance was forked twice/],
    ["forks a process that it has forked", (peer) => peer.sayForked(1, 3), /process 3 was forked twice/],
    ["fails at what nobody has asked for", (peer) => peer.say("FAILED", 8, NO_FORK), /nobody has asked for fork 8/],
    ["answers a call", (peer) => peer.say("READY", 0, { convention: "row" }), /a READY of a process that forks instances/],
    ["says what is no frame", (peer) => peer.say("FORKED", 1, { pid: 4 }), /FORKED: /],
  ];
  for (const [what, lie, reason] of lies) {
    test(what, async (t) => {
      const peer = await forking(t);
      lie(peer);
      await peer.killed();
      assert.match(peer.heard.join(), reason);
    });
  }

  test("names a descriptor that is no pipe", async (t) => {
    const peer = await ZygotePeer.open(t);
    const file = openSync("/dev/null", "r");
    t.after(() => closeSync(file));
    peer.say("FORKED", 0, { pid: 3, pipes: { input: null, output: null, stdout: file, stderr: file } });
    await peer.killed();
    assert.match(peer.heard.join(), /is no pipe/);
  });
});
