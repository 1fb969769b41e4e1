// Joins this process to the realtime lane over Redis: as a gateway, as a node, or both.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Logger } from "pino";
import type { RuntimeDefinition } from "../../workers/runtimes.ts";
import type { Config } from "../config/config.ts";
import { type BundleConsumer, BundleFeeder, type FeederContext } from "../lanes/realtime/bundle-feeder.ts";
import { Cancellations } from "../lanes/realtime/cancellations.ts";
import { Membership, type NodeReport } from "../lanes/realtime/membership.ts";
import { RemoteQueue } from "../lanes/realtime/remote-queue.ts";
import { ReplyOutbox } from "../lanes/realtime/reply-outbox.ts";
import { VERSION } from "../package-root.ts";
import { RedisClock } from "../redis/clock.ts";
import { connect, type RedisConnection } from "../redis/connection.ts";
import { defineScripts } from "../redis/scripts.ts";
import type { Registry } from "../registry/registry.ts";

export interface RealtimeRedisOptions {
  readonly url: string;
  readonly gateway: boolean;
  readonly maxQueuedRequests: number;
  readonly maxQueuedBytes: number;
}

export interface RealtimeRedisHooks {
  /** What this process serves as a node; null when it is none. */
  report(): Omit<NodeReport, "id" | "host" | "pid"> | null;
  nodesSeen(nodes: readonly NodeReport[]): void;
}

export class RealtimeRedis {
  /** Names this life of this process, as a node and as a gateway. */
  readonly id = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  /** Null when this process is no gateway. */
  readonly queue: RemoteQueue | null;
  readonly #url: string;
  readonly #commands: RedisConnection;
  readonly #connections: RedisConnection[] = [];
  readonly #membership: Membership;
  readonly #context: FeederContext;

  constructor(options: RealtimeRedisOptions, hooks: RealtimeRedisHooks, log: Logger) {
    this.#url = options.url;
    this.#commands = connect(options.url, "commands");
    defineScripts(this.#commands);
    const clock = new RedisClock();
    const { maxQueuedRequests, maxQueuedBytes } = options;
    this.queue = options.gateway ? new RemoteQueue(this.#commands, this.#open(), clock, { gateway: this.id, maxQueuedRequests, maxQueuedBytes }, log) : null;
    this.#membership = new Membership(
      this.#commands,
      clock,
      { gateway: options.gateway ? this.id : null },
      {
        report: () => {
          const report = hooks.report();
          return report === null ? null : { id: this.id, host: hostname(), pid: process.pid, ...report };
        },
        nodesSeen: (nodes) => hooks.nodesSeen(nodes),
        nodesGone: (nodes) => this.queue?.nodesGone(nodes),
        contentsLost: () => this.queue?.contentsLost(),
      },
      log,
    );
    const cancellations = new Cancellations(this.#open());
    this.#context = {
      node: this.id,
      commands: this.#commands,
      clock,
      replies: new ReplyOutbox(this.#commands),
      isAlive: (gateway) => this.#membership.isAlive(gateway),
      isCancelled: (gateway, sequence, attempt) => cancellations.has(gateway, sequence, attempt),
      log,
    };
  }

  /** `ready`, or what ioredis is doing about it. */
  get status(): string {
    return this.#commands.status;
  }

  /** Takes the leases as soon as Redis answers. */
  start(): void {
    this.#membership.start();
  }

  /** Bundles of the consumer's version come here from now on. */
  feed(consumer: BundleConsumer): BundleFeeder {
    return new BundleFeeder(consumer, connect(this.#url, "blocking"), this.#context);
  }

  /** Something worth telling the others has changed. */
  announce(): void {
    this.#membership.renewNow();
  }

  async stop(): Promise<void> {
    this.queue?.stop();
    await this.#membership.stop();
    for (const connection of [this.#commands, ...this.#connections]) connection.disconnect();
  }

  #open(): RedisConnection {
    const connection = connect(this.#url, "blocking");
    this.#connections.push(connection);
    return connection;
  }
}

/** A gateway and node in one. */
export function joinRedis(url: string, config: Config, log: Logger, hooks: RealtimeRedisHooks): RealtimeRedis {
  return new RealtimeRedis({ url, gateway: true, maxQueuedRequests: config.queue.maxRequests, maxQueuedBytes: config.queue.maxBytes }, hooks, log);
}

/** What a process with these models and languages says of itself. */
export function reportOf(registry: Registry, runtimes: readonly RuntimeDefinition[]): Omit<NodeReport, "id" | "host" | "pid"> {
  const versions = registry.entries().flatMap(({ name, versionNumber, version, status }) => {
    if (version === null) return [];
    const slots = status.state === "ready" ? status.slots : 0;
    return [
      { key: version.key, name, version: versionNumber, digest: version.digest, state: status.state, reason: "reason" in status ? status.reason : "", slots },
    ];
  });
  return { idiom: VERSION, runtimes: runtimes.map((runtime) => runtime.language), draining: false, versions };
}
