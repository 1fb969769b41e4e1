// The CLI's view of idiom.v1.AdminService: all that it knows of a server but its answers.
import type { LogChunk, LogQuery, NodeSummary, ReloadOutcome, SystemStatus, VersionDescription, VersionSummary } from "../core/admin.ts";
import { Connection } from "./connection.ts";

const ADMIN = { file: "idiom/v1/admin.proto", service: "idiom.v1.AdminService", options: { longs: Number, defaults: true } } as const;

export class AdminClient {
  readonly #connection: Connection;

  /** `server` is `host:port`. */
  constructor(server: string) {
    this.#connection = new Connection(server, ADMIN);
  }

  async listModels(): Promise<VersionSummary[]> {
    return (await this.#connection.call<{ versions: VersionSummary[] }>("ListModels", {})).versions;
  }

  async describeModel(name: string, version: string): Promise<VersionDescription[]> {
    return (await this.#connection.call<{ versions: VersionDescription[] }>("DescribeModel", { name, version })).versions;
  }

  async listNodes(): Promise<NodeSummary[]> {
    return (await this.#connection.call<{ nodes: NodeSummary[] }>("ListNodes", {})).nodes;
  }

  async drainNode(name: string, timeoutMs: number): Promise<NodeSummary> {
    return (await this.#connection.call<{ node: NodeSummary }>("DrainNode", { name }, timeoutMs)).node;
  }

  reloadModels(wait: boolean, timeoutMs: number): Promise<ReloadOutcome> {
    return this.#connection.call("ReloadModels", { wait }, timeoutMs);
  }

  status(): Promise<SystemStatus> {
    return this.#connection.call("GetStatus", {});
  }

  tailLogs(query: LogQuery): AsyncGenerator<LogChunk, void, void> {
    return this.#connection.stream("TailLogs", query);
  }

  close(): void {
    this.#connection.close();
  }
}

/** Runs `act` with a client that is closed after it. */
export async function withAdmin<Result>(server: string, act: (admin: AdminClient) => Promise<Result>): Promise<Result> {
  const admin = new AdminClient(server);
  try {
    return await act(admin);
  } finally {
    admin.close();
  }
}
