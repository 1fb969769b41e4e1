// How many requests a version had in the last ten seconds and how long they took, for operators who look now.
import type { RequestCounts } from "../core/admin.ts";

export interface RequestLoad {
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  /** Within 5 %; null without an answer in the window. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Since the start. */
  readonly requests: number;
}

/** What several processes counted, as one. */
export function loadOf(counts: readonly RequestCounts[]): RequestLoad {
  const sum = (count: (one: RequestCounts) => number): number => counts.reduce((total, one) => total + count(one), 0);
  const answers = new Map<number, number>();
  for (const [bucket, count] of counts.flatMap((one) => one.answers)) answers.set(bucket, (answers.get(bucket) ?? 0) + count);
  const sorted = [...answers].sort(([a], [b]) => a - b);
  return {
    requestsPerSecond: sum((one) => one.requestsPerSecond),
    errorsPerSecond: sum((one) => one.errorsPerSecond),
    p50Ms: quantileMs(sorted, 0.5),
    p99Ms: quantileMs(sorted, 0.99),
    requests: sum((one) => one.requests),
  };
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

  counts(): RequestCounts {
    const second = Math.floor(this.#now() / 1000);
    const recent = this.#slots.filter((slot) => slot.second >= second - WINDOW_SECONDS);
    const whole = recent.filter((slot) => slot.second < second);
    const seconds = Math.max(1, Math.min(WINDOW_SECONDS, second - this.#firstSecond));
    const sum = (count: (slot: Slot) => number): number => whole.reduce((total, slot) => total + count(slot), 0);
    const answers: [number, number][] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = recent.reduce((total, slot) => total + (slot.answers[bucket] as number), 0);
      if (count > 0) answers.push([bucket, count]);
    }
    return {
      requestsPerSecond: sum((slot) => slot.requests) / seconds,
      errorsPerSecond: sum((slot) => slot.errors) / seconds,
      answers,
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

/** `answers`: [bucket, count], by bucket. */
function quantileMs(answers: readonly (readonly [number, number])[], quantile: number): number | null {
  const total = answers.reduce((sum, [, count]) => sum + count, 0);
  let left = Math.ceil(total * quantile);
  const found = answers.find(([, count]) => {
    left -= count;
    return left <= 0;
  });
  return found === undefined ? null : 2 ** (found[0] / PER_OCTAVE) / 1000;
}
