// One column of a row group of a Parquet file, value by value: one page of it is held at a time, and its dictionary.
import type { ColumnMetaData, DecodedArray, PageHeader, SchemaTree } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import { readPlain } from "hyparquet/src/plain.js";
import type { ColumnType } from "../core/column.ts";
import type { BinaryFile } from "./binary-file.ts";
import type { ColumnValue } from "./column-value.ts";
import { decompressors } from "./parquet-codecs.ts";
import { decodePage } from "./parquet-page.ts";
import { type PageValues, packedValues, valueReader } from "./parquet-values.ts";

/** Where a column's values lie in the schema. */
export interface Leaf {
  /** Counts the leaves of the schema. */
  readonly index: number;
  /** From the root. */
  readonly path: readonly SchemaTree[];
  readonly type: ColumnType;
  /** From which definition level on each of the nested lists has elements, from the outermost on. */
  readonly lists: readonly number[];
  /** From which definition level on the value is there. */
  readonly defined: number;
}

/** Page headers are some dozen bytes, and more with long statistics. */
const HEADER_BYTES = 2 ** 10;
const MAX_HEADER_BYTES = 2 ** 20;
/** Writers begin a page after some 20,000 values, or a row group after a million. Of some sorts the library makes an object each. */
const MAX_PAGE_VALUES = 2 ** 21;
const INSTEAD = "write it with smaller row groups and pages (in pyarrow: row_group_size=100_000)";

export class ParquetColumn {
  readonly #file: BinaryFile;
  readonly #name: string;
  readonly #leaf: Leaf;
  readonly #meta: ColumnMetaData;
  readonly #rows: number;
  readonly #end: number;
  #offset: number;
  /** Values in pages to come, nulls among them. */
  #valuesLeft: number;
  #dictionary: PageValues | null = null;
  #dictionaryBytes = 0;
  #pageBytes = 0;
  /** Of the page: per entry, how deep it is defined and where it continues a list; null: all are defined, none does. */
  #definitions: Uint8Array | null = null;
  #repetitions: Uint8Array | null = null;
  #entries = 0;
  #entry = 0;
  #value: (i: number) => ColumnValue = () => null;
  #nextValue = 0;
  #values = 0;

  /** @throws IdiomError DATASET_INVALID */
  constructor(file: BinaryFile, name: string, leaf: Leaf, meta: ColumnMetaData, rows: number) {
    this.#file = file;
    this.#name = name;
    this.#leaf = leaf;
    this.#meta = meta;
    this.#rows = rows;
    if (decompressors[meta.codec] === undefined && meta.codec !== "UNCOMPRESSED")
      throw file.broken(`the column '${name}' is compressed with ${meta.codec ?? "an unknown codec"}, which is not read; write it with snappy or zstd`);
    const { dictionary_page_offset: dictionary, data_page_offset: data } = meta;
    this.#offset = Number(dictionary !== undefined && dictionary > 0n && dictionary < data ? dictionary : data);
    this.#end = this.#offset + Number(meta.total_compressed_size);
    this.#valuesLeft = Number(meta.num_values);
    if (leaf.lists.length === 0 && this.#valuesLeft !== rows) throw this.#broken(`has ${this.#valuesLeft} values in a row group of ${rows} rows`);
  }

  /** The value of the next row. @throws IdiomError DATASET_INVALID */
  next(): ColumnValue {
    if (this.#entry === this.#entries && !this.#nextPage()) throw this.#broken(`ends before the last of the ${this.#rows} rows of its row group`);
    return this.#leaf.lists.length === 0 ? this.#leafValue() : this.#listValue();
  }

  /** Lets go of what it holds. */
  close(): void {
    this.#file.release(this.#pageBytes + this.#dictionaryBytes);
  }

  #leafValue(): ColumnValue {
    const definition = this.#definitions === null ? this.#leaf.defined : (this.#definitions[this.#entry] as number);
    this.#entry++;
    return definition === this.#leaf.defined ? this.#take() : null;
  }

  #take(): ColumnValue {
    if (this.#nextValue >= this.#values) throw this.#broken("has a page with fewer values than it says");
    return this.#value(this.#nextValue++);
  }

  /** All entries of a row: the first repeats nothing. */
  #listValue(): ColumnValue {
    const { lists, defined } = this.#leaf;
    const row: ColumnValue[] = [];
    /** The lists that may go on, from the outermost on; the first holds the row. */
    const open: ColumnValue[][] = [row];
    do {
      const definition = this.#definitions?.[this.#entry] ?? defined;
      let depth = this.#repetitions?.[this.#entry] ?? 0;
      if (depth >= open.length) throw this.#broken("has lists that do not hold together");
      let parent = open[depth] as ColumnValue[];
      for (; depth < lists.length && definition >= (lists[depth] as number) - 1; depth++) {
        const list: ColumnValue[] = [];
        parent.push(list);
        parent = list;
        open[depth + 1] = list;
        if (definition < (lists[depth] as number)) break;
      }
      if (depth === lists.length) parent.push(definition === defined ? this.#take() : null);
      else if (definition < (lists[depth] as number) - 1) parent.push(null);
      this.#entry++;
    } while (this.#rowGoesOn());
    return row[0] as ColumnValue;
  }

  #rowGoesOn(): boolean {
    return (this.#entry < this.#entries || this.#nextPage()) && (this.#repetitions?.[this.#entry] ?? 0) > 0;
  }

  /** False: there are no more. */
  #nextPage(): boolean {
    while (this.#valuesLeft > 0 && this.#offset < this.#end) {
      const header = this.#header();
      const { type, compressed_page_size: packedBytes, uncompressed_page_size: bytes } = header;
      if (!(packedBytes >= 0 && bytes >= 0)) throw this.#broken("has a page of a size below 0");
      const body = this.#offset;
      this.#offset += packedBytes;
      if (type === "DICTIONARY_PAGE") this.#readDictionary(header, body);
      else if (type !== "INDEX_PAGE" && this.#readData(header, body)) return true;
    }
    return false;
  }

  #header(): PageHeader {
    for (let length = HEADER_BYTES; ; length *= 32) {
      const to = Math.min(this.#end, this.#offset + length);
      const bytes = this.#file.read(this.#offset, to);
      const reader = { view: new DataView(bytes.buffer), offset: 0 };
      try {
        const header = parquetHeader(reader);
        this.#offset += reader.offset;
        return header;
      } catch (error) {
        // It may be longer than what was read.
        if (to === this.#end || length >= MAX_HEADER_BYTES) throw this.#broken(`has no page at byte ${this.#offset}: ${(error as Error).message}`);
      }
    }
  }

  #readDictionary(header: PageHeader, body: number): void {
    const { compressed_page_size: packedBytes, uncompressed_page_size: bytes, dictionary_page_header: said } = header;
    const count = this.#checkedCount(said?.num_values, Number.POSITIVE_INFINITY);
    this.#file.release(this.#dictionaryBytes);
    this.#dictionaryBytes = packedBytes + bytes;
    this.#file.hold(this.#dictionaryBytes, INSTEAD);
    const packed = this.#file.read(body, body + packedBytes);
    this.#dictionary = this.#file.guard(`a page of the column '${this.#name}'`, () => {
      const page = decompressPage(packed, bytes, this.#meta.codec, decompressors);
      const { type, type_length } = this.#element;
      return packedValues(
        readPlain({ view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: 0 }, type ?? "BYTE_ARRAY", count, type_length),
      );
    });
  }

  /** False: the page is empty. */
  #readData(header: PageHeader, body: number): boolean {
    const { compressed_page_size: packedBytes, uncompressed_page_size: bytes } = header;
    const said = header.data_page_header ?? header.data_page_header_v2;
    const count = this.#checkedCount(said?.num_values, this.#valuesLeft);
    this.#valuesLeft -= count;
    this.#file.release(this.#pageBytes);
    this.#pageBytes = packedBytes + bytes;
    this.#file.hold(this.#pageBytes, INSTEAD);
    const packed = this.#file.read(body, body + packedBytes);
    const levels = { repetition: this.#leaf.lists.length, definition: this.#leaf.defined };
    const page = this.#file.guard(`a page of the column '${this.#name}'`, () => decodePage(header, packed, count, levels, this.#meta.codec, this.#element));
    this.#definitions = page.definitions;
    this.#repetitions = page.repetitions;
    this.#entries = count;
    this.#entry = 0;
    this.#nextValue = 0;
    this.#values = page.values.length;
    this.#value = this.#file.guard(`a page of the column '${this.#name}'`, () => this.#reader(page.values, page.areIndexes));
    return count > 0;
  }

  #reader(values: DecodedArray, areIndexes: boolean): (i: number) => ColumnValue {
    if (!areIndexes) return valueReader(this.#element, this.#leaf.type, packedValues(values));
    const dictionary = this.#dictionary;
    if (dictionary === null) throw this.#broken("has a page that needs a dictionary, and has none");
    const indexes = values as Uint32Array;
    for (const index of indexes) if (index >= dictionary.length) throw this.#broken("has a value that is not in its dictionary");
    const value = valueReader(this.#element, this.#leaf.type, dictionary);
    return (i) => value(indexes[i] as number);
  }

  #checkedCount(said: number | undefined, most: number): number {
    if (said === undefined || !(said >= 0 && said <= most)) throw this.#broken(`has a page of ${said} values where ${most} are to come`);
    if (said > MAX_PAGE_VALUES) throw this.#broken(`has a page of ${said} values; ${INSTEAD}`);
    return said;
  }

  get #element(): SchemaTree["element"] {
    return (this.#leaf.path.at(-1) as SchemaTree).element;
  }

  #broken(what: string): Error {
    return this.#file.broken(`the column '${this.#name}' ${what}`);
  }
}
