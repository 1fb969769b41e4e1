// How many requests a version had in the last ten seconds and how long they took, for operators who look now.

export interface RequestLoad {
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  /** Within 5 %; null without an answer in the window. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Since the start. */
  readonly requests: number;
}

interface Slot {
  /** Which second since the clock's origin it counts; -1: none yet. */
  second: number;
  requests: number;
  errors: number;
  /** Answers by duration: bucket i holds about 2^(i / PER_OCTAVE) µs. */
  readonly answers: Uint32Array;
}

/** Whole seconds that count; the one that runs adds to the percentiles alone. */
const WINDOW_SECONDS = 10;
const PER_OCTAVE = 8;
/** Up to 2^28 µs, 4.5 minutes. */
const BUCKETS = 28 * PER_OCTAVE;

export class RequestWindow {
  readonly #now: () => number;
  readonly #firstSecond: number;
  readonly #slots: readonly Slot[] = Array.from({ length: WINDOW_SECONDS + 1 }, () => ({
    second: -1,
    requests: 0,
    errors: 0,
    answers: new Uint32Array(BUCKETS),
  }));
  #requests = 0;

  /** `now` in ms, rising. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#firstSecond = Math.floor(now() / 1000);
  }

  answered(seconds: number): void {
    const slot = this.#current();
    slot.requests++;
    const bucket = Math.round(Math.log2(Math.max(1, seconds * 1e6)) * PER_OCTAVE);
    const index = Math.min(bucket, BUCKETS - 1);
    slot.answers[index] = (slot.answers[index] as number) + 1;
  }

  failed(): void {
    const slot = this.#current();
    slot.requests++;
    slot.errors++;
  }

  load(): RequestLoad {
    const second = Math.floor(this.#now() / 1000);
    const recent = this.#slots.filter((slot) => slot.second >= second - WINDOW_SECONDS);
    const whole = recent.filter((slot) => slot.second < second);
    const seconds = Math.max(1, Math.min(WINDOW_SECONDS, second - this.#firstSecond));
    const sum = (count: (slot: Slot) => number): number => whole.reduce((total, slot) => total + count(slot), 0);
    const answers = new Uint32Array(BUCKETS);
    for (const slot of recent) for (let i = 0; i < BUCKETS; i++) answers[i] = (answers[i] as number) + (slot.answers[i] as number);
    return {
      requestsPerSecond: sum((slot) => slot.requests) / seconds,
      errorsPerSecond: sum((slot) => slot.errors) / seconds,
      p50Ms: quantileMs(answers, 0.5),
      p99Ms: quantileMs(answers, 0.99),
      requests: this.#requests,
    };
  }

  #current(): Slot {
    this.#requests++;
    const second = Math.floor(this.#now() / 1000);
    const slot = this.#slots[second % this.#slots.length] as Slot;
    if (slot.second !== second) {
      slot.second = second;
      slot.requests = 0;
      slot.errors = 0;
      slot.answers.fill(0);
    }
    return slot;
  }
}

function quantileMs(answers: Uint32Array, quantile: number): number | null {
  const total = answers.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = Math.ceil(total * quantile);
  const bucket = answers.findIndex((count) => {
    left -= count;
    return left <= 0;
  });
  return 2 ** (bucket / PER_OCTAVE) / 1000;
}
