// How soon the instances of one version may be killed again because callers gave up.

/** Starts that follow such kills take at most one part in five of the version's time. */
const START_TIMES_APART = 4;

/** Callers that give up quickly must not keep a model from everybody else, nor may a model that hangs. One for all instances of a version. */
export class KillDistance {
  #startMs = 0;
  #killedAt = Number.NEGATIVE_INFINITY;

  /** An instance took so long from its start until it was ready. */
  started(tookMs: number): void {
    this.#startMs = tookMs;
  }

  killed(now: number): void {
    this.#killedAt = now;
  }

  /** ms until the next kill; not positive when it may be at once. */
  restMs(now: number): number {
    return this.#killedAt + START_TIMES_APART * this.#startMs - now;
  }
}
