// In which order a node looks at the lists of a version: the most urgent first, and others often enough that none starves.
import type { Priority } from "../../core/invocation.ts";

/** After so many bundles of high priority in a row, one of another comes first. */
const MAX_HIGH_IN_A_ROW = 7;
/** After so many bundles of other priorities, one of low priority comes before normal ones. */
const MAX_WITHOUT_LOW = 15;

export class PriorityTurns {
  #high = 0;
  #withoutLow = 0;

  /** A lone urgent bundle stands before all others, however many there are: only a stream of urgent ones gives way now and then. */
  order(): readonly [Priority, Priority, Priority] {
    const lowIsDue = this.#withoutLow >= MAX_WITHOUT_LOW;
    if (this.#high >= MAX_HIGH_IN_A_ROW) return lowIsDue ? [2, 1, 0] : [1, 2, 0];
    return lowIsDue ? [0, 2, 1] : [0, 1, 2];
  }

  took(priority: Priority): void {
    this.#high = priority === 0 ? this.#high + 1 : 0;
    this.#withoutLow = priority === 2 ? 0 : this.#withoutLow + 1;
  }
}
