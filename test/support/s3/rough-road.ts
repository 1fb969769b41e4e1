// A road to a server on which connections break, stand still or are refused, as a test wants it.
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";

export class RoughRoad {
  /** Each connection breaks when it has brought so many bytes from the server. */
  breaksAfter = Number.POSITIVE_INFINITY;
  /** Each connection that has carried so many bytes to the server carries no more. */
  standsStillAfter = Number.POSITIVE_INFINITY;
  /** New connections break at once. */
  closed = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #listeners = new Map<"break" | "standstill", () => void>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(port: number): Promise<RoughRoad> {
    const server = createServer();
    const road = new RoughRoad(server);
    server.on("connection", (client) => (road.closed ? client.destroy() : road.#join(client, createConnection(port, "127.0.0.1"))));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return road;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves the next time. For a break, the road is closed then. */
  next(what: "break" | "standstill"): Promise<void> {
    return new Promise((resolve) => this.#listeners.set(what, resolve));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket, server: Socket): void {
    let [brought, carried] = [0, 0];
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on("data", (bytes) => {
      carried += bytes.length;
      if (carried <= this.standsStillAfter) server.write(bytes);
      else this.#tell("standstill");
    });
    server.on("data", (bytes) => {
      brought += bytes.length;
      client.write(bytes);
      if (brought < this.breaksAfter) return;
      this.closed = this.#tell("break");
      client.destroySoon();
      server.destroy();
    });
  }

  #tell(what: "break" | "standstill"): boolean {
    const listener = this.#listeners.get(what);
    this.#listeners.delete(what);
    listener?.();
    return listener !== undefined;
  }
}
