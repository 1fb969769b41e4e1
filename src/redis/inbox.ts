// Messages from process to process: each process has a list in Redis that it alone takes from.
import { setTimeout as delay } from "node:timers/promises";
import type { RedisConnection } from "./connection.ts";
import { keys } from "./keys.ts";

const POP_SECONDS = 1;
/** Messages taken with one pop. */
const POP_COUNT = 16;
const RETRY_MS = 100;
/** What nobody takes is gone after this time. */
const EXPIRE_MS = 30_000;

export class Inbox {
  readonly #owner: string;
  readonly #commands: RedisConnection;
  readonly #blocking: RedisConnection;
  readonly #take: (message: string) => void;
  #stopped = false;

  /** `blocking` is used for nothing but waiting; `take` must not throw. */
  constructor(owner: string, commands: RedisConnection, blocking: RedisConnection, take: (message: string) => void) {
    this.#owner = owner;
    this.#commands = commands;
    this.#blocking = blocking;
    this.#take = take;
  }

  /** Takes what comes from now on. */
  start(): void {
    void this.#receive();
  }

  /** Puts a message into another process' list. @throws Error when Redis does not take it */
  async send(to: string, message: string): Promise<void> {
    const list = keys.inbox(to);
    await Promise.all([this.#commands.rpush(list, message), this.#commands.pexpire(list, EXPIRE_MS)]);
  }

  /** Takes nothing more; what has not been taken is dropped. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#blocking.disconnect();
    await this.#commands.del(keys.inbox(this.#owner)).catch(() => {});
  }

  async #receive(): Promise<void> {
    const list = keys.inbox(this.#owner);
    while (!this.#stopped) {
      try {
        const popped = await this.#blocking.blmpop(POP_SECONDS, 1, list, "LEFT", "COUNT", POP_COUNT);
        for (const message of popped?.[1] ?? []) this.#take(message);
      } catch {
        await delay(RETRY_MS);
      }
    }
  }
}
