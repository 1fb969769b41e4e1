// Joins this process to the realtime lane over Redis: as a gateway, as a node, or both.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { type BundleConsumer, BundleFeeder, type FeederContext } from "../lanes/realtime/bundle-feeder.ts";
import { Cancellations } from "../lanes/realtime/cancellations.ts";
import { Membership } from "../lanes/realtime/membership.ts";
import type { Member, NodeReport } from "../lanes/realtime/node-report.ts";
import { queueLength } from "../lanes/realtime/queue-length.ts";
import { RemoteQueue } from "../lanes/realtime/remote-queue.ts";
import { ReplyOutbox } from "../lanes/realtime/reply-outbox.ts";
import { type DirectoryEntry, lookUpVersion, publishVersion } from "../lanes/realtime/version-directory.ts";
import { RedisClock } from "../redis/clock.ts";
import { connect, type RedisConnection, type RedisServer } from "../redis/connection.ts";
import { Inbox } from "../redis/inbox.ts";
import { defineScripts } from "../redis/scripts.ts";

export interface RealtimeRedisOptions {
  readonly server: RedisServer;
  /** It takes calls. */
  readonly gateway: boolean;
  /** It runs models. */
  readonly node: boolean;
  readonly queue: Config["queue"];
}

export interface RealtimeRedisHooks {
  /** What this process says of itself. */
  report(): NodeReport;
  /** Requests that wait in it. */
  waiting(): number;
  /** The versions that are ready in it, for gateways that have no models of their own. */
  directory(): readonly DirectoryEntry[];
  /** Everybody who holds a lease now. */
  seen(members: readonly Member[]): void | Promise<void>;
}

export class RealtimeRedis {
  /** Names this life of this process, as a node and as a gateway. */
  readonly id = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  /** Null when this process is no gateway. */
  readonly queue: RemoteQueue | null;
  readonly #server: RedisServer;
  readonly clock = new RedisClock();
  readonly #commands: RedisConnection;
  readonly #connections: RedisConnection[] = [];
  readonly #feeders = new Set<BundleFeeder>();
  readonly #membership: Membership;
  readonly #context: FeederContext;

  constructor(options: RealtimeRedisOptions, log: Logger, hooks: RealtimeRedisHooks) {
    this.#server = options.server;
    this.#commands = connect(options.server, "commands");
    defineScripts(this.#commands);
    const { clock } = this;
    const { maxRequests: maxQueuedRequests, maxBytes: maxQueuedBytes } = options.queue;
    this.queue = options.gateway ? new RemoteQueue(this.#commands, this.#open(), clock, { gateway: this.id, maxQueuedRequests, maxQueuedBytes }, log) : null;
    this.#membership = new Membership(
      this.#commands,
      clock,
      { id: this.id, gateway: options.gateway, node: options.node },
      {
        report: () => hooks.report(),
        waiting: () => hooks.waiting(),
        rewrite: () => {
          for (const entry of hooks.directory()) publishVersion(this.#commands, entry).catch(() => {});
        },
        seen: (members) => hooks.seen(members),
        nodesGone: (nodes) => this.queue?.nodesGone(nodes),
        leased: () => this.queue?.leased(),
        contentsLost: () => {
          log.warn("Redis has lost what it held, or our leases in it had ended: what was out is queued again");
          this.queue?.contentsLost();
        },
      },
      log,
    );
    this.#context = {
      node: this.id,
      commands: this.#commands,
      clock,
      replies: new ReplyOutbox(this.#commands),
      isAlive: (gateway) => this.#membership.isAlive(gateway),
      cancellations: new Cancellations(this.#open()),
      log,
    };
  }

  /** Takes the leases as soon as Redis answers. */
  start(): void {
    this.#membership.start();
  }

  /** Bundles of the consumer's version come here from now on; `batch`: those with rows of jobs. */
  feed(consumer: BundleConsumer, batch: boolean): BundleFeeder {
    const feeder = new BundleFeeder(consumer, connect(this.#server, "blocking"), this.#context, batch);
    this.#feeders.add(feeder);
    void feeder.ended.then(() => this.#feeders.delete(feeder));
    return feeder;
  }

  /** Messages to this process go to `take`. */
  openInbox(take: (message: string) => void): Inbox {
    return new Inbox(this.id, this.#commands, connect(this.#server, "blocking"), take);
  }

  /** Requests of a version that wait in Redis. */
  queueLength(version: { readonly key: string; readonly digest: string }): Promise<number> {
    return queueLength(this.#commands, version);
  }

  /** What a node has written of a version. */
  lookUp(wanted: { readonly key: string; readonly digest: string }): Promise<DirectoryEntry | null> {
    return lookUpVersion(this.#commands, wanted);
  }

  /** Gives back what was popped and sends what was answered, then leaves. */
  async stop(): Promise<void> {
    this.queue?.stop();
    const ended = [...this.#feeders].map((feeder) => feeder.ended);
    for (const feeder of this.#feeders) feeder.stop();
    await Promise.all(ended);
    await this.#context.replies.stop();
    await this.#membership.stop();
    for (const connection of [this.#commands, ...this.#connections]) connection.disconnect();
  }

  #open(): RedisConnection {
    const connection = connect(this.#server, "blocking");
    this.#connections.push(connection);
    return connection;
  }
}
