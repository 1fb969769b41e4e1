// The worker's way back: replies to each gateway, pushed once a turn of the event loop.
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";
import { encodeReplies, type Reply } from "./wire.ts";

/** A reply list that nobody reads any more is gone after this time. */
const EXPIRE_MS = 30_000;
/** Replies kept per gateway while Redis is away. */
const MAX_PENDING = 10_000;
const RETRY_MS = 100;

export class ReplyOutbox {
  readonly #redis: RedisConnection;
  readonly #pending = new Map<string, Reply[]>();
  #scheduled = false;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  add(gateway: string, reply: Reply): void {
    const pending = this.#pending.get(gateway);
    if (pending === undefined) this.#pending.set(gateway, [reply]);
    else if (pending.length < MAX_PENDING) pending.push(reply);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    for (const [gateway, replies] of this.#pending) {
      this.#pending.delete(gateway);
      const list = keys.replies(gateway);
      this.#redis.rpush(list, encodeReplies(replies)).then(
        () => this.#redis.pexpire(list, EXPIRE_MS).catch(() => {}),
        () => setTimeout(() => this.#retry(gateway, replies), RETRY_MS),
      );
    }
  }

  /** Redis was away: what was not pushed goes out again, behind what came meanwhile. */
  #retry(gateway: string, replies: readonly Reply[]): void {
    for (const reply of replies) this.add(gateway, reply);
  }
}
