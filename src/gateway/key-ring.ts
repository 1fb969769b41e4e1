// The API keys that open the door now, and what each of them does: the file is read again when it changes.
import { timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";
import type { Logger } from "pino";
import { parseApiKey } from "../config/api-key.ts";
import { type ApiKey, readApiKeys } from "../config/api-key-file.ts";
import { IdiomError } from "../core/errors.ts";
import { WatchedFiles } from "./watched-files.ts";

export class KeyRing {
  readonly #path: string;
  readonly #log: Logger;
  readonly #files: WatchedFiles;
  #callers = new Map<string, Caller>();

  /** @throws IdiomError CONFIG_INVALID when the file is none of keys. */
  constructor(path: string, log: Logger) {
    this.#path = path;
    this.#log = log;
    this.#files = new WatchedFiles([path]);
    this.#take(readApiKeys(path));
    this.#files.onChange(
      () => this.#readAgain(),
      (reason) => log.error(`the API keys stay as they were: ${reason}`),
    );
  }

  get size(): number {
    return this.#callers.size;
  }

  /** Whose key this is. @throws IdiomError UNAUTHENTICATED */
  find(text: string): Caller {
    const key = parseApiKey(text);
    if (key === null) throw new IdiomError("UNAUTHENTICATED", "this is no API key of Idiom: it was mistyped or cut off (a key looks like idiom_...)");
    const caller = this.#callers.get(key.id);
    if (caller === undefined || !timingSafeEqual(Buffer.from(caller.key.hash), Buffer.from(key.hash)))
      throw new IdiomError("UNAUTHENTICATED", "this API key is unknown here or was revoked");
    return caller;
  }

  close(): void {
    this.#files.close();
  }

  /** A file that cannot be read changes nothing: a slip of an editor must neither lock everybody out nor let anybody in. */
  #readAgain(): void {
    const keys = readApiKeys(this.#path);
    if (keys.length === 0 && !existsSync(this.#path)) throw new IdiomError("CONFIG_INVALID", `${this.#path} is gone`);
    this.#take(keys);
    this.#log.info(`the API keys have changed, there are ${this.size}`);
  }

  #take(keys: readonly ApiKey[]): void {
    const before = this.#callers;
    this.#callers = new Map(keys.map((key) => [key.id, before.get(key.id)?.with(key) ?? new Caller(key)]));
    for (const [id, caller] of before) if (this.#callers.get(id)?.key.hash !== caller.key.hash) caller.revoke();
  }
}

/** What ends a running call whose key was revoked. */
export type EndCall = (error: IdiomError) => void;

/** Who calls with one key. */
export class Caller {
  readonly #running = new Set<EndCall>();
  readonly #attending = new Set<EndCall>();
  #key: ApiKey;
  #tokens = Number.POSITIVE_INFINITY;
  #filledAt = 0;

  constructor(key: ApiKey) {
    this.#key = key;
  }

  get key(): ApiKey {
    return this.#key;
  }

  /** The same caller under changed terms; null when it is another key. */
  with(key: ApiKey): Caller | null {
    if (key.hash !== this.#key.hash) return null;
    this.#key = key;
    return this;
  }

  /** Whether the key is good for some models alone. */
  get isLimited(): boolean {
    return this.#key.models !== null;
  }

  /** Whether the key is good for calls to this model. */
  mayCall(model: string): boolean {
    return this.#key.models === null || this.#key.models.includes(model);
  }

  /** Begins a call; what it returns ends it. @throws IdiomError LIMIT_EXCEEDED */
  enter(end: EndCall): () => void {
    const { name, maxConcurrent, requestsPerSecond } = this.#key;
    if (maxConcurrent !== null && this.#running.size >= maxConcurrent)
      throw new IdiomError("LIMIT_EXCEEDED", `API key '${name}' may have ${maxConcurrent} calls running at a time; wait for one to end`);
    if (requestsPerSecond !== null && !this.#takeToken(requestsPerSecond))
      throw new IdiomError("LIMIT_EXCEEDED", `API key '${name}' may make ${requestsPerSecond} calls in a second; call more slowly`);
    this.#running.add(end);
    return () => void this.#running.delete(end);
  }

  /** The same for a call that no limit is for. */
  attend(end: EndCall): () => void {
    this.#attending.add(end);
    return () => void this.#attending.delete(end);
  }

  revoke(): void {
    for (const end of [...this.#running, ...this.#attending]) end(new IdiomError("UNAUTHENTICATED", "this API key was revoked"));
  }

  /** A bucket that holds what may be called in one second, at least one call. */
  #takeToken(perSecond: number): boolean {
    const now = performance.now();
    this.#tokens = Math.min(Math.max(1, perSecond), this.#tokens + ((now - this.#filledAt) / 1000) * perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
