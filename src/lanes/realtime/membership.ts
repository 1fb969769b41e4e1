// Who is there: gateways and nodes hold leases in Redis, renew them, and read each other's. A report is written and read only when
// it has changed: the leases, renewed several times a second, stay small.
import type { Logger } from "pino";
import type { RedisClock } from "../../redis/clock.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";
import { type Lease, type Member, type NodeReport, parseLease, parseReport, type RevisedReport } from "./node-report.ts";

export const LEASE_MS = 2000;
const RENEW_MS = 400;
/** Redis' clock is asked for again after so many renewals. */
const SYNCHRONISE_EVERY = 25;
/** The sets, the reports and the epoch outlive every lease, and are gone soon after the last member. */
const EXPIRE_MS = 10 * LEASE_MS;
/** What is written when it changes is written again after this time. */
const REWRITE_MS = EXPIRE_MS / 4;

export interface MembershipHooks {
  /** This process as it is now. */
  report(): NodeReport;
  /** Requests that wait on it. */
  waiting(): number;
  /** Write again what others read and what expires: it has changed, is old, or Redis has lost it. */
  rewrite(): void;
  /** Everybody who holds a lease now and has not said farewell, this process too; after each look. */
  seen(members: readonly Member[]): void | Promise<void>;
  /** Nodes whose lease has ended since the last look. */
  nodesGone(nodes: ReadonlySet<string>): void;
  /** Our leases are held, for the first time or still. */
  leased(): void;
  /** Redis has lost what it held. */
  contentsLost(): void;
}

export interface MembershipOptions {
  /** Names this life of this process. */
  readonly id: string;
  /** It takes calls. */
  readonly gateway: boolean;
  /** It runs models. */
  readonly node: boolean;
}

export class Membership {
  readonly #redis: RedisConnection;
  readonly #clock: RedisClock;
  readonly #options: MembershipOptions;
  readonly #hooks: MembershipHooks;
  readonly #log: Logger;
  #gateways: ReadonlySet<string> = new Set();
  #nodes: ReadonlySet<string> = new Set();
  /** The latest report of each member. */
  #reports = new Map<string, RevisedReport>();
  /** Our own report as it was last written, and its revision. */
  #written = "";
  #revision = 0;
  #rewriteAt = 0;
  #epoch: string | null = null;
  #rounds = 0;
  #renewedAt: number | null = null;
  #othersReturnUntil = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(redis: RedisConnection, clock: RedisClock, options: MembershipOptions, hooks: MembershipHooks, log: Logger) {
    this.#redis = redis;
    this.#clock = clock;
    this.#options = options;
    this.#hooks = hooks;
    this.#log = log;
  }

  /** Takes the leases and looks around as soon as Redis answers; then again and again by itself. */
  start(): void {
    if (this.#redis.status === "ready") this.#look();
    else this.#redis.once("ready", () => this.#look());
  }

  /** Whether this life of a gateway holds its lease. */
  async isAlive(gateway: string): Promise<boolean> {
    return this.#gateways.has(gateway) || (await this.#redis.exists(keys.gateway(gateway))) === 1;
  }

  /** Gives the gateway's lease back and says the node's farewell, so that the others need not wait for their end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { id, gateway, node } = this.#options;
    const gone: Promise<unknown>[] = [];
    if (gateway) gone.push(this.#redis.del(keys.gateway(id)), this.#redis.srem(keys.gateways, id), this.#redis.del(keys.replies(id)));
    // A node that merely vanished would be taken for dead, and its last answers with it, where they have not been read yet.
    if (node) gone.push(this.#redis.set(keys.node(id), this.#lease(true), "PX", LEASE_MS));
    gone.push(this.#redis.del(keys.report(id)));
    await Promise.allSettled(gone);
  }

  #look(): void {
    if (this.#stopped) return;
    this.#round()
      .catch((error: Error) => this.#log.debug({ error: error.message }, "the leases could not be renewed; trying again"))
      .finally(() => {
        if (!this.#stopped) this.#timer = setTimeout(() => this.#look(), RENEW_MS);
      });
  }

  async #round(): Promise<void> {
    if (this.#rounds++ % SYNCHRONISE_EVERY === 0) await this.#clock.synchronise(this.#redis);
    const awayMs = await this.#renew();
    const [gateways, nodes] = await Promise.all([this.#living(keys.gateways, keys.gateway), this.#living(keys.nodes, keys.node)]);
    // Asked for after the leases: where they were gone with everything else, nobody is given up for it.
    // After a lapse alone nothing of ours is gone: what others have claimed they answer, and what they dropped nobody claims.
    const lost = (await this.#epochChanged()) || awayMs > EXPIRE_MS;
    if (lost) this.#hooks.contentsLost();
    if (lost || awayMs > LEASE_MS) {
      this.#rewriteAt = 0;
      this.#othersReturnUntil = performance.now() + LEASE_MS;
    }
    // The others have lost their leases with ours: who does not take them again in time is gone, not who has not come to it yet.
    if (performance.now() < this.#othersReturnUntil) return;
    const members = await this.#read(new Map([...gateways, ...nodes]));
    this.#gateways = new Set(gateways.keys());
    const present = new Set(nodes.keys());
    const gone = new Set([...this.#nodes].filter((node) => !present.has(node)));
    this.#nodes = present;
    if (gone.size > 0) this.#hooks.nodesGone(gone);
    await this.#hooks.seen(members);
  }

  /** Resolves to the ms since the last time. Beyond a lease, the others have given us up. */
  async #renew(): Promise<number> {
    if (this.#stopped) return 0;
    const { id, gateway, node } = this.#options;
    const writes = this.#writeReport();
    if (gateway) writes.push(...this.#take(keys.gateway(id), keys.gateways));
    if (node) writes.push(...this.#take(keys.node(id), keys.nodes));
    await Promise.all(writes);
    const now = performance.now();
    const awayMs = now - (this.#renewedAt ?? now);
    this.#renewedAt = now;
    this.#hooks.leased();
    return awayMs;
  }

  /** Before the lease that tells of it. */
  #writeReport(): Promise<unknown>[] {
    const text = JSON.stringify(this.#hooks.report());
    const now = performance.now();
    if (text === this.#written && now < this.#rewriteAt) return [];
    if (text !== this.#written) this.#revision++;
    this.#written = text;
    this.#rewriteAt = now + REWRITE_MS;
    this.#hooks.rewrite();
    return [this.#redis.set(keys.report(this.#options.id), `{"revision":${this.#revision},"report":${text}}`, "PX", EXPIRE_MS)];
  }

  #take(lease: string, set: string): Promise<unknown>[] {
    return [this.#redis.set(lease, this.#lease(false), "PX", LEASE_MS), this.#redis.sadd(set, this.#options.id), this.#redis.pexpire(set, EXPIRE_MS)];
  }

  #lease(left: boolean): string {
    return JSON.stringify({ revision: this.#revision, waiting: this.#hooks.waiting(), left } satisfies Lease);
  }

  /** Every member keeps the epoch alive; when it is another one, or had to be made anew, the old contents are gone. */
  async #epochChanged(): Promise<boolean> {
    await this.#redis.set(keys.epoch, Math.random().toString(36).slice(2), "PX", EXPIRE_MS, "NX");
    const [epoch] = await Promise.all([this.#redis.get(keys.epoch), this.#redis.pexpire(keys.epoch, EXPIRE_MS)]);
    const changed = this.#epoch !== null && epoch !== this.#epoch;
    this.#epoch = epoch;
    return changed;
  }

  async #living(set: string, key: (id: string) => string): Promise<Map<string, Lease>> {
    const ids = await this.#redis.smembers(set);
    const leases = await Promise.all(ids.map(async (id) => [id, await this.#redis.get(key(id))] as const));
    const ended = leases.filter(([, text]) => text === null).map(([id]) => id);
    if (ended.length > 0) await this.#redis.srem(set, ...ended);
    return new Map(leases.flatMap(([id, text]) => (text === null ? [] : [[id, parseLease(text) ?? UNREADABLE] as const])));
  }

  /** The reports of those who have not left. One that cannot be had is as it was before; without one, its writer is not seen yet. */
  async #read(leases: ReadonlyMap<string, Lease>): Promise<Member[]> {
    const changed = [...leases].filter(([id, { revision }]) => this.#reports.get(id)?.revision !== revision);
    const texts = await Promise.all(changed.map(async ([id]) => [id, await this.#redis.get(keys.report(id))] as const));
    for (const [id, text] of texts) {
      const revised = text === null ? null : parseReport(text);
      if (revised !== null) this.#reports.set(id, revised);
    }
    for (const id of this.#reports.keys()) if (!leases.has(id)) this.#reports.delete(id);
    return [...leases].flatMap(([id, { waiting, left }]) => {
      const report = this.#reports.get(id)?.report;
      return left || report === undefined ? [] : [{ ...report, waiting }];
    });
  }
}

/** Of another release: it is there, and nothing more is known. */
const UNREADABLE: Lease = { revision: -1, waiting: 0, left: false };
