// The worker's way back: replies to each gateway, pushed once a turn of the event loop.
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";
import { encodeReplies, type Reply } from "./wire.ts";

/** A reply list that nobody reads any more is gone after this time. */
const EXPIRE_MS = 30_000;
/** Replies kept per gateway while Redis is away. */
const MAX_PENDING = 10_000;
const RETRY_MS = 100;
/** What nobody waits for goes out with the next reply to that gateway, or after this time. */
const LATER_MS = 5;
/** A Redis on this machine has answered by then, many times over. */
const NEAR_MS = 1;

export class ReplyOutbox {
  readonly #redis: RedisConnection;
  readonly #pending = new Map<string, Reply[]>();
  readonly #underway = new Set<Promise<void>>();
  #scheduled = false;
  #later: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  add(gateway: string, reply: Reply): void {
    this.#put(gateway, reply);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  /** For what nobody waits for: a write of its own would wake Redis and the gateway while the answer is being made. */
  addLater(gateway: string, reply: Reply): void {
    this.#put(gateway, reply);
    this.#later ??= setTimeout(() => this.#flush(), LATER_MS);
  }

  /** Resolves when Redis has what is on its way there now; a Redis far away, or not there, is not waited for. */
  async taken(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, NEAR_MS);
    await Promise.race([late, Promise.all(this.#underway)]);
    clearTimeout(timer);
  }

  /** Resolves when everything has gone out, or could not. */
  async stop(): Promise<void> {
    this.#flush();
    this.#stopped = true;
    await Promise.all(this.#underway);
  }

  #put(gateway: string, reply: Reply): void {
    const pending = this.#pending.get(gateway);
    if (pending === undefined) this.#pending.set(gateway, [reply]);
    else if (pending.length < MAX_PENDING) pending.push(reply);
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#later !== null) clearTimeout(this.#later);
    this.#later = null;
    for (const [gateway, replies] of this.#pending) {
      this.#pending.delete(gateway);
      const pushed = this.#push(gateway, replies).finally(() => this.#underway.delete(pushed));
      this.#underway.add(pushed);
    }
  }

  async #push(gateway: string, replies: readonly Reply[]): Promise<void> {
    const list = keys.replies(gateway);
    try {
      await this.#redis.rpush(list, encodeReplies(replies));
    } catch {
      // Redis was away: what was not pushed goes out again, behind what came meanwhile. What comes twice is dropped by the gateway.
      if (!this.#stopped) setTimeout(() => this.#again(gateway, replies), RETRY_MS);
      return;
    }
    // For a gateway that is gone, or has given these calls up: nobody waits for it.
    this.#redis.pexpire(list, EXPIRE_MS).catch(() => {});
  }

  #again(gateway: string, replies: readonly Reply[]): void {
    for (const reply of replies) this.add(gateway, reply);
  }
}
