// How many instances a node may run, and how much memory they may be promised.

export interface CapacityLimits {
  /** Null: as many as the models ask for. */
  readonly maxInstances: number | null;
  /** Bound on the sum of `limits.memory` over all instances; null: none. */
  readonly maxMemoryBytes: number | null;
}

/** Whoever holds seats, and may have one to spare for others. */
export interface SeatHolder {
  /** For how many ms an instance that need not be there has been idle; null when there is none. */
  readonly spareForMs: number | null;
  /** Lets that instance go; its seat is free once it has ended. */
  giveWay(): void;
}

/** The seats of one node, shared by its pools. */
export class Capacity {
  readonly #limits: CapacityLimits;
  readonly #holders = new Set<SeatHolder>();
  readonly #waiting = new Set<() => void>();
  #instances = 0;
  #memoryBytes = 0;
  /** Somebody has given way, and no seat has come back since. */
  #seatComes = false;

  constructor(limits: CapacityLimits) {
    this.#limits = limits;
  }

  join(holder: SeatHolder): void {
    this.#holders.add(holder);
  }

  leave(holder: SeatHolder): void {
    this.#holders.delete(holder);
  }

  /**
   * Takes a seat for an instance of so much memory. Where there is none it returns false, lets somebody give way, and calls `wake` once
   * there may be room: once, however often the same function has asked.
   */
  take(memoryBytes: number, wake: () => void): boolean {
    if (this.#fits(memoryBytes)) {
      this.#instances++;
      this.#memoryBytes += memoryBytes;
      return true;
    }
    this.#waiting.add(wake);
    this.letGiveWay();
    return false;
  }

  /** Where somebody waits for room, whoever has had an instance to spare for longest lets it go; the next one not before that seat is back. */
  letGiveWay(): void {
    const spare = this.#waiting.size > 0 && !this.#seatComes ? this.#longestSpare() : null;
    if (spare === null) return;
    this.#seatComes = true;
    spare.giveWay();
  }

  /** Whether `take` would succeed now or once somebody has given way. */
  mayFit(memoryBytes: number): boolean {
    return this.#fits(memoryBytes) || this.#seatComes || this.#longestSpare() !== null;
  }

  /** Gives a seat back; those who wait for room hear of it in the next turn of the event loop. */
  release(memoryBytes: number): void {
    this.#instances--;
    this.#memoryBytes -= memoryBytes;
    this.#seatComes = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) setImmediate(wake);
  }

  /** Why there is no room, for operators. */
  get full(): string {
    const { maxInstances, maxMemoryBytes } = this.#limits;
    const bounds = [
      ...(maxInstances === null ? [] : [`instances.max: ${this.#instances} of ${maxInstances} run`]),
      ...(maxMemoryBytes === null ? [] : [`instances.memory: ${this.#memoryBytes} of ${maxMemoryBytes} bytes are promised`]),
    ];
    return `this node has no room for a further instance (${bounds.join("; ")})`;
  }

  #fits(memoryBytes: number): boolean {
    const { maxInstances, maxMemoryBytes } = this.#limits;
    return (maxInstances === null || this.#instances < maxInstances) && (maxMemoryBytes === null || this.#memoryBytes + memoryBytes <= maxMemoryBytes);
  }

  #longestSpare(): SeatHolder | null {
    let longest: SeatHolder | null = null;
    for (const holder of this.#holders) {
      if (holder.spareForMs !== null && holder.spareForMs > (longest?.spareForMs ?? -1)) longest = holder;
    }
    return longest;
  }
}
