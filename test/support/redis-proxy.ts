// What can lie between a process and its Redis: a slow network, a silent one, or a server that says another version.
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export class RedisProxy {
  /** What each round trip takes longer. */
  latencyMs = 0;
  /** What the server sends becomes this. */
  rewrite: (answer: Buffer) => Buffer = (answer) => answer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #released: Promise<void> = Promise.resolve();
  #release = (): void => {};

  private constructor(server: Server) {
    this.#server = server;
  }

  /** In front of the UNIX socket `target`. */
  static async open(target: string): Promise<RedisProxy> {
    const server = createServer();
    const proxy = new RedisProxy(server);
    server.on("connection", (client) => {
      const redis = createConnection(target);
      proxy.#join(client, redis, (bytes) => bytes);
      proxy.#join(redis, client, (bytes) => proxy.rewrite(bytes));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Nothing gets through any more, and nobody is told. */
  hold(): void {
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** What was held gets through. */
  release(): void {
    this.#release();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** In order, each chunk half the latency later. */
  #join(from: Socket, to: Socket, change: (bytes: Buffer) => Buffer): void {
    let last = Promise.resolve();
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on("data", (bytes: Buffer) => {
      const due = performance.now() + this.latencyMs / 2;
      last = last.then(async () => {
        const left = due - performance.now();
        if (left > 0) await delay(left);
        await this.#released;
        if (!to.destroyed) to.write(change(bytes));
      });
    });
    from.on("error", () => from.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
