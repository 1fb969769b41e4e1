// The local line: what waits for a slot of one version on this node, by priority, in order of arrival.
import { BATCH_PRIORITY, type Invocation, type Priority } from "../../core/invocation.ts";

export interface FrameLimits {
  /** Rows of a merged frame; null: a frame is one request. */
  readonly maxRows: number | null;
  readonly maxBytes: number;
}

/** After this long a waiting request counts as one priority higher, so that a stream of urgent ones starves nobody. */
const AGEING_MS = 1000;
/** So long after a realtime request more of them are to be expected, and a frame of batch rows is kept short. */
const QUIET_MS = 1000;

export class Line {
  /** By priority; rows of jobs come last. */
  readonly #queues: readonly [Fifo, Fifo, Fifo, Fifo] = [new Fifo(), new Fifo(), new Fifo(), new Fifo()];
  #requests = 0;
  #rows = 0;
  #bytes = 0;
  #batchRequests = 0;
  #batchRows = 0;
  #realtimeAt = Number.NEGATIVE_INFINITY;

  /** Realtime requests that wait and are still wanted. */
  get requests(): number {
    return this.#requests;
  }

  /** Rows of jobs that wait. A request of a model that is never merged counts as one. */
  get batchRows(): number {
    return this.#batchRows;
  }

  get isEmpty(): boolean {
    return this.#requests === 0 && this.#batchRequests === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(invocation: Invocation): void {
    this.#count(invocation, 1);
    this.#queues[invocation.request.priority].push(invocation);
  }

  /** Puts back, to the front and in order, what was taken before. */
  pushFront(invocations: readonly Invocation[]): void {
    for (let i = invocations.length - 1; i >= 0; i--) {
      const invocation = invocations[i] as Invocation;
      this.#count(invocation, 1);
      this.#queues[invocation.request.priority].unshift(invocation);
    }
  }

  #count(invocation: Invocation, sign: 1 | -1): void {
    const { priority, rows, bytes } = invocation.request;
    if (priority === BATCH_PRIORITY) {
      this.#batchRequests += sign;
      this.#batchRows += sign * Math.max(1, rows);
    } else {
      this.#requests += sign;
      this.#rows += sign * rows;
      this.#bytes += sign * bytes;
      this.#realtimeAt = invocation.arrivedAt;
    }
    invocation.onAbandon = sign === 1 ? () => this.#abandoned(invocation) : null;
  }

  #abandoned(invocation: Invocation): void {
    this.#count(invocation, -1);
    this.#queues[invocation.request.priority].oneAbandoned();
  }

  /** The oldest realtime request that waits, or null. */
  oldest(): Invocation | null {
    let oldest: Invocation | null = null;
    for (let priority = 0; priority < BATCH_PRIORITY; priority++) {
      const head = (this.#queues[priority] as Fifo).peek();
      if (head !== null && (oldest === null || head.arrivedAt < oldest.arrivedAt)) oldest = head;
    }
    return oldest;
  }

  /** Whether what waits may fill a whole frame. */
  fills(limits: FrameLimits): boolean {
    return limits.maxRows === null || this.#rows >= limits.maxRows || this.#bytes >= limits.maxBytes;
  }

  /**
   * Takes the requests of the next frame: the most urgent one, and after it those that may share its frame and fit, up to the
   * first one of each priority that does not. Empty when nothing waits. Rows of jobs have frames of their own: when no realtime request
   * waits, or when it is their turn; and while realtime requests come, one request of a job is a frame.
   */
  take(limits: FrameLimits, batchIsDue = false): Invocation[] {
    if (this.#batchRequests > 0 && (batchIsDue || this.#requests === 0)) {
      const quiet = performance.now() - this.#realtimeAt > QUIET_MS;
      return this.#takeFrom([this.#queues[BATCH_PRIORITY]], quiet ? limits : { ...limits, maxRows: null });
    }
    return this.#takeFrom(this.#order(performance.now()), limits);
  }

  #takeFrom(order: readonly Fifo[], limits: FrameLimits): Invocation[] {
    const taken: Invocation[] = [];
    let rows = 0;
    let bytes = 0;
    for (const queue of order) {
      for (let head = queue.peek(); head !== null; head = queue.peek()) {
        const first = taken[0];
        if (
          first !== undefined &&
          !(limits.maxRows !== null && mayJoin(first, head) && rows + head.request.rows <= limits.maxRows && bytes + head.request.bytes <= limits.maxBytes)
        )
          break;
        queue.shift();
        this.#count(head, -1);
        taken.push(head);
        rows += head.request.rows;
        bytes += head.request.bytes;
        if (head.alone || limits.maxRows === null) return taken;
      }
    }
    return taken;
  }

  /** Everything that waits, removed. */
  drain(): Invocation[] {
    return this.#removed(this.#queues);
  }

  /** The rows of jobs that wait, removed. */
  drainBatch(): Invocation[] {
    return this.#removed([this.#queues[BATCH_PRIORITY]]);
  }

  #removed(queues: readonly Fifo[]): Invocation[] {
    const all: Invocation[] = [];
    for (const queue of queues) {
      for (let head = queue.peek(); head !== null; head = queue.peek()) {
        queue.shift();
        this.#count(head, -1);
        all.push(head);
      }
    }
    return all;
  }

  /** The queues from the most urgent head to the least, with ageing. */
  #order(now: number): Fifo[] {
    const [high, normal, low] = this.#queues;
    if (normal.peek() === null && low.peek() === null) return [high];
    const urgency = (queue: Fifo, priority: Priority): number => {
      const head = queue.peek();
      return head === null ? Number.POSITIVE_INFINITY : priority - Math.floor((now - head.arrivedAt) / AGEING_MS);
    };
    const ranked = ([high, normal, low] as const).map((queue, i) => ({ queue, urgency: urgency(queue, i as Priority) }));
    return ranked.sort((a, b) => a.urgency - b.urgency).map((entry) => entry.queue);
  }
}

function mayJoin(first: Invocation, next: Invocation): boolean {
  return !next.alone && first.company === next.company && first.request.mergeKey === next.request.mergeKey;
}

/** A queue with constant-time ends. Invocations that were abandoned while they waited are skipped, and let go of in time. */
class Fifo {
  #items: (Invocation | undefined)[] = [];
  #head = 0;
  #abandoned = 0;

  /** Once they are the majority the abandoned ones leave, with the bytes that they hold. */
  oneAbandoned(): void {
    this.#abandoned++;
    if (this.#abandoned < 16 || this.#abandoned * 2 < this.#items.length - this.#head) return;
    this.#items = this.#items.slice(this.#head).filter((item) => item?.settled === false);
    this.#head = 0;
    this.#abandoned = 0;
  }

  push(invocation: Invocation): void {
    this.#items.push(invocation);
  }

  unshift(invocation: Invocation): void {
    if (this.#head > 0) this.#items[--this.#head] = invocation;
    else this.#items.unshift(invocation);
  }

  peek(): Invocation | null {
    for (; this.#head < this.#items.length; this.shift()) {
      const item = this.#items[this.#head] as Invocation;
      if (!item.settled) return item;
    }
    return null;
  }

  shift(): void {
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > 4096 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }
}
