// How much of a pool's time rows of jobs get while realtime requests wait too: a floor, and no more.

/** However long they waited, they get one frame for it: a realtime request is overtaken by no more than that. */
const MOST_CREDIT_MS = 20;
/** A frame that ran longer than it had credit for is paid back, up to here. */
const MOST_DEBT_MS = 1000;

export class BatchShare {
  readonly #perRealtimeMs: number;
  #creditMs = 0;

  /** `floor`: share of the time, from 0 to less than 1. */
  constructor(floor: number) {
    this.#perRealtimeMs = floor / (1 - floor);
  }

  /** Whether the next frame is for rows of jobs, although realtime requests wait. */
  get isDue(): boolean {
    return this.#creditMs > 0;
  }

  /** A frame of realtime requests has run while rows of jobs waited. */
  realtimeRan(ms: number): void {
    this.#creditMs = Math.min(MOST_CREDIT_MS, this.#creditMs + ms * this.#perRealtimeMs);
  }

  batchRan(ms: number): void {
    this.#creditMs = Math.max(-MOST_DEBT_MS, this.#creditMs - ms);
  }

  /** Nobody had to wait: what was taken then is owed to nobody. */
  nobodyWaited(): void {
    this.#creditMs = 0;
  }
}
