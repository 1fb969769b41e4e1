// Redis' clock: the one that deadlines travel in, because machines' clocks differ.
import type { RedisConnection } from "./connection.ts";

export class RedisClock {
  #offsetMs = 0;

  /** Asks for the time; half the round trip is taken as the way back. */
  async synchronise(redis: RedisConnection): Promise<void> {
    const asked = Date.now();
    const [seconds, microseconds] = (await redis.time()) as unknown as [string, string];
    const there = Number(seconds) * 1000 + Number(microseconds) / 1000;
    this.#offsetMs = there - (asked + Date.now()) / 2;
  }

  /** ms since 1970 by Redis. */
  now(): number {
    return Date.now() + this.#offsetMs;
  }

  fromLocal(localMs: number): number {
    return localMs + this.#offsetMs;
  }

  toLocal(redisMs: number): number {
    return redisMs - this.#offsetMs;
  }
}
