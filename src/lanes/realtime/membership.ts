// Who is there: gateways and nodes hold leases in Redis, renew them, and read each other's.
import type { Logger } from "pino";
import { z } from "zod";
import type { RedisClock } from "../../redis/clock.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";

export const LEASE_MS = 2000;
const RENEW_MS = 400;
/** Redis' clock is asked for again after so many renewals. */
const SYNCHRONISE_EVERY = 25;

const nodeSchema = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.number().int(),
  idiom: z.string(),
  runtimes: z.array(z.string()),
  draining: z.boolean(),
  /** It has given back what it had not begun and answered the rest; its lease ends for good. */
  left: z.boolean(),
  versions: z.array(
    z.object({ key: z.string(), name: z.string(), version: z.string(), digest: z.string(), state: z.string(), reason: z.string(), slots: z.number().int() }),
  ),
});

/** What a node says of itself with each renewal. */
export type NodeReport = z.infer<typeof nodeSchema>;

export interface MembershipHooks {
  /** This process as a node; null when it is none. */
  report(): NodeReport | null;
  /** The nodes that hold a lease now, after each look. */
  nodesSeen(nodes: readonly NodeReport[]): void | Promise<void>;
  /** Nodes whose lease has ended since the last look; `died`: not all of them had left in order. */
  nodesGone(nodes: ReadonlySet<string>, died: boolean): void;
  /** Our leases are held, for the first time or again. */
  leased(): void;
  /** Redis has lost what it held. */
  contentsLost(): void;
}

export interface MembershipOptions {
  /** This life of this process as a gateway; null when it is none. */
  readonly gateway: string | null;
}

export class Membership {
  readonly #redis: RedisConnection;
  readonly #clock: RedisClock;
  readonly #options: MembershipOptions;
  readonly #hooks: MembershipHooks;
  readonly #log: Logger;
  #gateways: ReadonlySet<string> = new Set();
  #nodes: ReadonlySet<string> = new Set();
  /** Of these, those that have said farewell. */
  #left: ReadonlySet<string> = new Set();
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

  /** Takes the leases and looks around; then again and again by itself. Redis may come later. */
  start(): void {
    this.#look();
  }

  /** Whether this life of a gateway holds its lease. */
  async isAlive(gateway: string): Promise<boolean> {
    return this.#gateways.has(gateway) || (await this.#redis.exists(keys.gateway(gateway))) === 1;
  }

  /** Gives the gateway's lease back and says the node's farewell, so that the others need not wait for their end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const { gateway } = this.#options;
    const report = this.#hooks.report();
    const gone: Promise<unknown>[] = [];
    if (gateway !== null) gone.push(this.#redis.del(keys.gateway(gateway)), this.#redis.srem(keys.gateways, gateway), this.#redis.del(keys.replies(gateway)));
    // A node that merely vanished would be taken for dead, and with it all that nobody has claimed.
    if (report !== null)
      gone.push(this.#redis.set(keys.node(report.id), JSON.stringify({ ...report, draining: true, left: true } satisfies NodeReport), "PX", LEASE_MS));
    await Promise.allSettled(gone);
  }

  #look(): void {
    this.#round()
      .catch((error: Error) => this.#log.debug({ error: error.message }, "the leases could not be renewed; trying again"))
      .finally(() => {
        if (!this.#stopped) this.#timer = setTimeout(() => this.#look(), RENEW_MS);
      });
  }

  async #round(): Promise<void> {
    if (this.#rounds++ % SYNCHRONISE_EVERY === 0) await this.#clock.synchronise(this.#redis);
    const lapsed = await this.#renew();
    if ((await this.#epochChanged()) || lapsed) {
      this.#hooks.contentsLost();
      this.#othersReturnUntil = performance.now() + LEASE_MS;
    }
    // The others have lost their leases with ours: who does not take them again in time is gone, not who has not come to it yet.
    if (performance.now() < this.#othersReturnUntil) return;
    const [gateways, nodes] = await Promise.all([this.#living(keys.gateways, keys.gateway), this.#living(keys.nodes, keys.node)]);
    this.#gateways = new Set(gateways.keys());
    const reports = [...nodes.values()].flatMap(readReport);
    const present = new Set(nodes.keys());
    const gone = new Set([...this.#nodes].filter((node) => !present.has(node)));
    const died = [...gone].some((node) => !this.#left.has(node));
    this.#nodes = present;
    this.#left = new Set(reports.filter((report) => report.left).map(({ id }) => id));
    if (gone.size > 0) this.#hooks.nodesGone(gone, died);
    await this.#hooks.nodesSeen(reports);
  }

  /** Whether our lease had ended since the last time: the others have given us up and dropped what was ours. */
  async #renew(): Promise<boolean> {
    if (this.#stopped) return false;
    const { gateway } = this.#options;
    const report = this.#hooks.report();
    const renewals: Promise<unknown>[] = [];
    if (gateway !== null)
      renewals.push(
        this.#redis.set(keys.gateway(gateway), "1", "PX", LEASE_MS),
        this.#redis.sadd(keys.gateways, gateway),
        this.#redis.pexpire(keys.gateways, SET_EXPIRE_MS),
      );
    if (report !== null)
      renewals.push(
        this.#redis.set(keys.node(report.id), JSON.stringify(report), "PX", LEASE_MS),
        this.#redis.sadd(keys.nodes, report.id),
        this.#redis.pexpire(keys.nodes, SET_EXPIRE_MS),
      );
    await Promise.all(renewals);
    const now = performance.now();
    const lapsed = this.#renewedAt !== null && now - this.#renewedAt > LEASE_MS;
    this.#renewedAt = now;
    this.#hooks.leased();
    return lapsed;
  }

  /** Every member keeps the epoch alive; when it is another one, or had to be made anew, the old contents are gone. */
  async #epochChanged(): Promise<boolean> {
    await this.#redis.set(keys.epoch, Math.random().toString(36).slice(2), "PX", SET_EXPIRE_MS, "NX");
    const [epoch] = await Promise.all([this.#redis.get(keys.epoch), this.#redis.pexpire(keys.epoch, SET_EXPIRE_MS)]);
    const changed = this.#epoch !== null && epoch !== this.#epoch;
    this.#epoch = epoch;
    return changed;
  }

  async #living(set: string, lease: (id: string) => string): Promise<Map<string, string>> {
    const ids = await this.#redis.smembers(set);
    const leases = await Promise.all(ids.map(async (id) => [id, await this.#redis.get(lease(id))] as const));
    const ended = leases.filter(([, value]) => value === null).map(([id]) => id);
    if (ended.length > 0) await this.#redis.srem(set, ...ended);
    return new Map(leases.filter((entry): entry is [string, string] => entry[1] !== null));
  }
}

/** The sets and the epoch outlive every lease, and are gone soon after the last member. */
const SET_EXPIRE_MS = 10 * LEASE_MS;

function readReport(text: string): NodeReport[] {
  try {
    const parsed = nodeSchema.safeParse(JSON.parse(text));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}
