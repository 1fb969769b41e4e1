// A block: some hundred to some thousand consecutive rows of a dataset as they lie in a job's spool. The inputs are raw tensors, one
// per input of the signature; beside them the kept columns, and the rows that are broken.
import type { Datatype } from "../core/datatype.ts";
import { DATATYPES } from "../core/datatype.ts";
import { elementCount, skipBytesElements, type Tensor } from "../core/tensor.ts";

/** Where a block lies, and which rows of the source it holds, counted from 0. */
export interface BlockPlace {
  /** A file of the job's folder. */
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly firstRow: number;
  /** Also those that are broken. */
  readonly rows: number;
}

/** A row that never reaches the model. */
export interface BrokenRow {
  readonly row: number;
  readonly cause: string;
  readonly data: unknown;
}

interface Header {
  readonly firstRow: number;
  readonly rows: number;
  readonly inputs: readonly { readonly datatype: Datatype; readonly rowShape: readonly number[]; readonly bytes: number }[];
  /** 0 where nothing is kept. */
  readonly keptBytes: number;
  readonly broken: readonly BrokenRow[];
}

export interface BlockInput {
  readonly datatype: Datatype;
  /** Of one row's value: [] for a number, [3] for three. */
  readonly rowShape: readonly number[];
  /** Of the rows that are not broken, one after the other. */
  readonly data: Uint8Array;
}

export function encodeBlock(firstRow: number, rows: number, inputs: readonly BlockInput[], kept: Uint8Array, broken: readonly BrokenRow[]): Buffer {
  const header: Header = {
    firstRow,
    rows,
    inputs: inputs.map(({ datatype, rowShape, data }) => ({ datatype, rowShape, bytes: data.length })),
    keptBytes: kept.length,
    broken,
  };
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return Buffer.concat([length, json, ...inputs.map(({ data }) => data), kept]);
}

/** A block read back. The rows that are not broken have numbers of their own here, from 0: their places. */
export class Block {
  readonly firstRow: number;
  readonly inputs: readonly BlockInput[];
  readonly broken: readonly BrokenRow[];
  /** How many rows have places. */
  readonly size: number;
  /** Row of the block of each place; null: no row is broken, and they are the same. */
  readonly #rows: Uint32Array | null;
  readonly #bytes: Buffer;
  readonly #kept: Uint8Array;
  /** Of inputs whose values differ in length: where each place's value begins. */
  readonly #offsets: (Uint32Array | null)[];

  /** `bytes` are nobody else's. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const headerEnd = 4 + bytes.readUInt32LE(0);
    const { firstRow, rows, inputs, keptBytes, broken } = JSON.parse(bytes.toString("utf8", 4, headerEnd)) as Header;
    let at = headerEnd;
    this.inputs = inputs.map(({ datatype, rowShape, bytes: length }) => {
      const data = bytes.subarray(at, at + length);
      at += length;
      return { datatype, rowShape, data };
    });
    this.firstRow = firstRow;
    this.broken = broken;
    this.#kept = bytes.subarray(at, at + keptBytes);
    this.#offsets = inputs.map(() => null);
    this.size = rows - broken.length;
    this.#rows = broken.length === 0 ? null : rowsWithout(new Set(broken.map(({ row }) => row - firstRow)), rows);
  }

  /** Number of the row of the source that has this place. */
  sourceRow(place: number): number {
    return this.firstRow + (this.#rows === null ? place : (this.#rows[place] as number));
  }

  /** The places of the source rows [from, to) that are not broken. */
  places(from: number, to: number): { readonly from: number; readonly to: number } {
    return { from: this.#placeOf(from - this.firstRow), to: this.#placeOf(to - this.firstRow) };
  }

  /** The values of the places [from, to), as views. `shapeOf` gives the shape of so many rows. */
  tensors(from: number, to: number, shapeOf: (rowShape: readonly number[], input: number) => readonly number[]): Tensor[] {
    return this.inputs.map(({ datatype, rowShape, data }, i) => {
      return { datatype, contentType: null, shape: shapeOf(rowShape, i), data: data.subarray(this.#offset(i, from), this.#offset(i, to)) };
    });
  }

  /** Gives the memory back at once; all tensors are empty then. Garbage is collected late where little else is made, and blocks are large. */
  release(): void {
    (this.#bytes.buffer as ArrayBuffer).transfer(0);
  }

  /** The kept cells of every place, as JSON lists; empty where nothing is kept. */
  keptRows(): Uint8Array[] {
    const view = new DataView(this.#kept.buffer, this.#kept.byteOffset, this.#kept.byteLength);
    const rows: Uint8Array[] = [];
    for (let at = 0; at < this.#kept.length; ) {
      const length = view.getUint32(at, true);
      rows.push(this.#kept.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    return rows;
  }

  /** The first place at or behind a row of the block. */
  #placeOf(row: number): number {
    if (this.#rows === null) return row;
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#rows[middle] as number) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the value of a place begins, and that of the place before ends. */
  #offset(input: number, place: number): number {
    const { datatype, rowShape, data } = this.inputs[input] as BlockInput;
    const { size } = DATATYPES[datatype];
    const elements = elementCount(rowShape);
    if (size !== null) return size * elements * place;
    this.#offsets[input] ??= offsetsOf(data, elements, this.size);
    return this.#offsets[input][place] as number;
  }
}

function rowsWithout(broken: ReadonlySet<number>, rows: number): Uint32Array {
  const left = new Uint32Array(rows - broken.size);
  for (let row = 0, place = 0; row < rows; row++) if (!broken.has(row)) left[place++] = row;
  return left;
}

/** Of values of BYTES with so many elements each. */
function offsetsOf(data: Uint8Array, elements: number, values: number): Uint32Array {
  const offsets = new Uint32Array(values + 1);
  for (let value = 0; value < values; value++) offsets[value + 1] = skipBytesElements(data, offsets[value] as number, elements);
  return offsets;
}
