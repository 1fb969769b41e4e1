// What calls of a version cost: something by themselves, and something for each row. Learned from the answers.

/** Work of one call: while realtime calls come too, one of them may have to wait for it. It may be 20 ms, and some take longer than the last ones did. */
const CALL_MS = 15;
/** From the largest call so far to the next one: small calls say little of much larger ones. */
const MOST_GROWTH = 8;
/** Of the first call's time: so much is taken for its own until calls of other sizes show it. */
const FIRST_SHARE = 0.75;
/** Of any call's time: so much is taken for its rows' at least. */
const LEAST_SHARE_OF_ROWS = 0.1;
/** How much a call changes of what is known, and one that has twice as many rows as the last one, or half. */
const WEIGHT = 0.2;
const WEIGHT_OF_OTHER_SIZE = 0.5;

interface Cost {
  readonly callMs: number;
  readonly rowMs: number;
  /** Of the call that was seen last. */
  readonly rows: number;
  readonly ms: number;
  readonly mostRows: number;
}

export class RowCosts {
  readonly #costs = new Map<string, Cost>();

  isKnown(version: string): boolean {
    return this.#costs.has(version);
  }

  /**
   * Rows of a call, as many as run in 15 ms; 1 until it is known. Where a call of one row takes most of that already, the rows take as long again as the call: one row
   * at a time would take for ever, and spare callers only half. Some calls together have `most` rows, so that those that are merged fill a frame.
   */
  rowsPerCall(version: string, most: number): number {
    const cost = this.#costs.get(version);
    if (cost === undefined) return 1;
    const { callMs, rowMs, mostRows } = cost;
    const within = Math.max(1, Math.min(most, Math.floor(Math.max(CALL_MS - callMs, callMs) / rowMs), MOST_GROWTH * mostRows));
    return Math.floor(most / Math.ceil(most / within));
  }

  /** How long a call of so many rows takes; 0 until it is known. */
  ms(version: string, rows: number): number {
    const cost = this.#costs.get(version);
    return cost === undefined ? 0 : cost.callMs + cost.rowMs * rows;
  }

  /** A call of so many rows took so long. */
  learn(version: string, rows: number, took: number): void {
    const ms = Math.max(took, 1e-3);
    const before = this.#costs.get(version);
    const seen = { rows, ms, mostRows: Math.max(rows, before?.mostRows ?? 0) };
    if (before === undefined) {
      this.#costs.set(version, { callMs: FIRST_SHARE * ms, rowMs: ((1 - FIRST_SHARE) * ms) / rows, ...seen });
      return;
    }
    const { callMs, rowMs } = before;
    const least = (LEAST_SHARE_OF_ROWS * ms) / rows;
    if (rows < 2 * before.rows && before.rows < 2 * rows) {
      const error = ms - callMs - rowMs * rows;
      this.#costs.set(version, { callMs, rowMs: Math.max(least, rowMs + (WEIGHT * error) / rows), ...seen });
      return;
    }
    const slope = Math.max(least, (ms - before.ms) / (rows - before.rows));
    const own = Math.max(0, ms - slope * rows);
    const mixed = (known: number, found: number): number => (1 - WEIGHT_OF_OTHER_SIZE) * known + WEIGHT_OF_OTHER_SIZE * found;
    this.#costs.set(version, { callMs: mixed(callMs, own), rowMs: mixed(rowMs, slope), ...seen });
  }
}
