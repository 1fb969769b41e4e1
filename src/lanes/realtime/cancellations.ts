// Attempts that nobody waits for any more, as gateways announce them; a worker asks before it starts one.
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";
import { cancelledAttempt } from "./remote-queue.ts";

/** Longer than anything waits. What is missed costs a run whose answer nobody takes. */
const KEEP_MS = 60_000;
const MAX_KEPT = 100_000;

export class Cancellations {
  /** By attempt, when it was announced; the oldest first. */
  readonly #announced = new Map<string, number>();

  /** `subscriber` is used for nothing else. */
  constructor(subscriber: RedisConnection) {
    subscriber.on("message", (_channel: string, attempt: string) => this.#announce(attempt));
    subscriber.subscribe(keys.cancelled).catch(() => {});
  }

  has(gateway: string, sequence: number, attempt: number): boolean {
    return this.#announced.size > 0 && this.#announced.has(cancelledAttempt(gateway, sequence, attempt));
  }

  #announce(attempt: string): void {
    const now = performance.now();
    this.#announced.set(attempt, now);
    for (const [oldest, at] of this.#announced) {
      if (this.#announced.size <= MAX_KEPT && now - at < KEEP_MS) break;
      this.#announced.delete(oldest);
    }
  }
}
