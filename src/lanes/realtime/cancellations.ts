// Attempts that nobody waits for any more, as gateways announce them: a worker starts none of them, and stops those that it has.
import type { RedisConnection } from "../../redis/connection.ts";
import { keys } from "../../redis/keys.ts";
import { cancelledAttempt } from "./remote-queue.ts";

/** Longer than anything waits. What is missed costs a run whose answer nobody takes. */
const KEEP_MS = 60_000;
const MAX_KEPT = 100_000;

export class Cancellations {
  /** By attempt, when it was announced; the oldest first. */
  readonly #announced = new Map<string, number>();
  /** How to stop the attempts that are in our hands. */
  readonly #followed = new Map<string, () => void>();

  /** `subscriber` is used for nothing else. */
  constructor(subscriber: RedisConnection) {
    subscriber.on("message", (_channel: string, attempt: string) => this.#announce(attempt));
    // Again with each new connection: the first may have been refused.
    subscriber.on("ready", () => subscriber.subscribe(keys.cancelled).catch(() => {}));
  }

  has(gateway: string, sequence: number, attempt: number): boolean {
    return this.#announced.size > 0 && this.#announced.has(cancelledAttempt(gateway, sequence, attempt));
  }

  /** From now on `stop` is called when the attempt is cancelled, until the returned function is. */
  follow(gateway: string, sequence: number, attempt: number, stop: () => void): () => void {
    const name = cancelledAttempt(gateway, sequence, attempt);
    this.#followed.set(name, stop);
    return () => this.#followed.delete(name);
  }

  #announce(attempt: string): void {
    const stop = this.#followed.get(attempt);
    this.#followed.delete(attempt);
    stop?.();
    const now = performance.now();
    this.#announced.set(attempt, now);
    for (const [oldest, at] of this.#announced) {
      if (this.#announced.size <= MAX_KEPT && now - at < KEEP_MS) break;
      this.#announced.delete(oldest);
    }
  }
}
