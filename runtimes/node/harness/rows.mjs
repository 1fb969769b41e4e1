// The row convention: one call for each row, one after the other; a row that fails takes only its segment with it. PROTOCOL.md, section 5.
import { describe, Fault } from "./errors.mjs";
import { isThenable, splitOutputs } from "./returned.mjs";

/** How long rows run without a look at the transport: CANCEL and end-of-file wait no longer than this and one row. */
const SLICE_MS = 20;

/**
 * @typedef {import("./binding.mjs").ModelFunction} ModelFunction
 * @typedef {import("./context.mjs").CallContext} CallContext
 * @typedef {import("./elements.mjs").Element} Element
 * @typedef {import("./result.mjs").Answer} Answer
 */

/** One frame under way. */
export class RowRun {
  #call;
  #folder;
  #context;
  #table;
  #columns;
  #specs;
  /** Rows of each segment; 0 in the answer where one failed. */
  #segments;
  /** Rows to run in each segment: they differ from `#segments` where the host did not count. */
  #lengths;
  #segment = 0;
  #rowInSegment = 0;
  #row = 0;
  #sliceEnd = 0;
  /** @type {object[]} */
  #errors = [];

  /**
   * @param {ModelFunction} call
   * @param {string} folder the model's
   * @param {import("./infer.mjs").Infer} infer
   * @param {CallContext} context
   * @param {import("./binding.mjs").Table} table
   * @param {import("./outputs.mjs").OutputWriter[]} writers
   */
  constructor(call, folder, infer, context, table, writers) {
    this.#call = call;
    this.#folder = folder;
    this.#context = context;
    this.#table = table;
    this.#columns = writers.map((writer) => new OutputColumn(writer));
    this.#specs = writers.map(({ spec }) => spec);
    this.#segments = Array.from(infer.segments);
    this.#lengths = infer.rows < 0 ? [table.rows] : this.#segments.slice();
  }

  /** @returns {Answer | Promise<Answer>} a promise only if the function returns one, or takes long */
  start() {
    const pending = this.#advance();
    return pending === null ? this.#answer() : this.#finish(pending);
  }

  /** @param {PromiseLike<unknown>} first */
  async #finish(first) {
    for (let pending = /** @type {PromiseLike<unknown> | null} */ (first); pending !== null; pending = this.#advance()) {
      if (pending === PAUSE) await new Promise((resolve) => setImmediate(resolve));
      else {
        try {
          this.#accept(await pending);
        } catch (error) {
          this.#fail(error);
        }
      }
      if (this.#context.cancelled) throw new Fault("CANCELLED", `stopped before row ${this.#row}`);
    }
    return this.#answer();
  }

  /** Runs rows until all are done. @returns {PromiseLike<unknown> | null} what has to be awaited first: a row's result, or the pause */
  #advance() {
    this.#sliceEnd = performance.now() + SLICE_MS;
    while (this.#segment < this.#lengths.length) {
      if (this.#rowInSegment === this.#lengths[this.#segment]) {
        this.#nextSegment();
        continue;
      }
      try {
        const call = this.#call;
        const result = call(this.#table.read(this.#row, this.#rowInSegment), this.#context);
        if (isThenable(result)) return result;
        this.#accept(result);
      } catch (error) {
        this.#fail(error);
      }
      if (performance.now() > this.#sliceEnd) return PAUSE;
    }
    return null;
  }

  /** @param {unknown} result of the row */
  #accept(result) {
    const values = splitOutputs(result, this.#specs);
    for (let i = 0; i < values.length; i++) this.#columns[i].append(values[i], this.#rowInSegment);
    this.#row++;
    this.#rowInSegment++;
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.#context.cancelled) throw error;
    this.#errors.push({ segment: this.#segment, row: this.#rowInSegment, ...describe(error, "MODEL_ERROR", this.#folder) });
    for (const column of this.#columns) column.rewind();
    this.#row += this.#lengths[this.#segment] - this.#rowInSegment;
    this.#segments[this.#segment] = 0;
    this.#nextSegment();
  }

  #nextSegment() {
    for (const column of this.#columns) column.keep();
    this.#segment++;
    this.#rowInSegment = 0;
  }

  /** @returns {Answer} */
  #answer() {
    const outputs = this.#columns.map((column) => column.pack());
    return { outputs, segments: this.#segments, errors: this.#errors.length === 0 ? null : this.#errors };
  }
}

/** What `#advance` returns when its time is over; never settled itself. @type {Promise<void>} */
const PAUSE = new Promise(() => {});

/** The rows of one output so far. */
class OutputColumn {
  #writer;
  /** @type {Element[]} */
  #elements = [];
  #rows = 0;
  #keptElements = 0;
  #keptRows = 0;
  /** @type {number[] | null} the shape of one row's value, of the first row */
  #inner = null;
  /** Whether a row's value may be a single one. */
  #single = false;

  /** @param {import("./outputs.mjs").OutputWriter} writer */
  constructor(writer) {
    this.#writer = writer;
  }

  /** @param {unknown} value @param {number} row @throws {Fault} INVALID_OUTPUT */
  append(value, row) {
    const inner = this.#writer.append(this.#elements, value, row);
    if (this.#inner === null) this.#inner = this.#firstShape(inner, row);
    else if (inner.length > 0 || !this.#single) this.#check(inner, this.#inner, row);
    this.#rows++;
  }

  /** @param {number[]} inner @param {number} row */
  #firstShape(inner, row) {
    const declared = this.#writer.spec.shape.slice(1);
    this.#single = declared.every((dimension) => Math.abs(dimension) === 1);
    if (this.#single && inner.length === 0) return declared.map(() => 1);
    this.#check(inner, declared, row);
    return inner;
  }

  /** @param {number[]} inner @param {number[]} expected @param {number} row */
  #check(inner, expected, row) {
    if (inner.length !== expected.length || inner.some((dimension, i) => expected[i] >= 0 && expected[i] !== dimension))
      throw new Fault("INVALID_OUTPUT", `output ${this.#writer.spec.name}, row ${row}: the shape is [${inner}], not [${expected}]`);
  }

  /** What was appended since the last time stays. */
  keep() {
    this.#keptElements = this.#elements.length;
    this.#keptRows = this.#rows;
  }

  /** What was appended since `keep` goes. */
  rewind() {
    this.#elements.length = this.#keptElements;
    this.#rows = this.#keptRows;
    if (this.#rows === 0) this.#inner = null;
  }

  pack() {
    const inner = this.#inner ?? this.#writer.spec.shape.slice(1).map((dimension) => Math.max(dimension, 0));
    return this.#writer.pack(this.#elements, [this.#rows, ...inner], -1);
  }
}
