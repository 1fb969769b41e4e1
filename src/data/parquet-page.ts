// A data page of Parquet, decoded: levels, and values or places in the dictionary. Runs are unpacked here and not by the library, which
// makes as many values of one as it claims to have.
import type { ColumnMetaData, DecodedArray, PageHeader, ParquetType, SchemaElement } from "hyparquet";
import { decompressPage } from "hyparquet/src/datapage.js";
import { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from "hyparquet/src/delta.js";
import { byteStreamSplit } from "hyparquet/src/encoding.js";
import { readPlain } from "hyparquet/src/plain.js";
import { decompressors } from "./parquet-codecs.ts";

export interface PageLevels {
  /** The deepest of each, as the schema has it; 0: none are written. */
  readonly repetition: number;
  readonly definition: number;
}

export interface DecodedPage {
  readonly repetitions: Uint8Array | null;
  readonly definitions: Uint8Array | null;
  /** Of those that are defined. */
  readonly values: DecodedArray;
  readonly areIndexes: boolean;
}

/** `packed`: what the header announces; `count`: its number of values, looked at already. @throws Error when the page is damaged. */
export function decodePage(
  { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: bytes, type }: PageHeader,
  packed: Uint8Array,
  count: number,
  levels: PageLevels,
  codec: ColumnMetaData["codec"],
  element: SchemaElement,
): DecodedPage {
  if (v1 !== undefined) {
    const page = decompressPage(packed, bytes, codec, decompressors);
    const repetitionsEnd = levels.repetition === 0 ? 0 : endOfRuns(page, 0);
    const definitionsEnd = levels.definition === 0 ? repetitionsEnd : endOfRuns(page, repetitionsEnd);
    const repetitions = levelsIn(page, 4, repetitionsEnd, levels.repetition, count);
    const definitions = levelsIn(page, repetitionsEnd + 4, definitionsEnd, levels.definition, count);
    return { repetitions, definitions, ...valuesIn(page, definitionsEnd, v1.encoding, presentOf(definitions, levels, count), element) };
  }
  if (v2 === undefined) throw new Error(`it is of an unknown sort, ${type}`);
  const { repetition_levels_byte_length: repetitionsEnd, definition_levels_byte_length } = v2;
  const definitionsEnd = repetitionsEnd + definition_levels_byte_length;
  if (!(repetitionsEnd >= 0 && definition_levels_byte_length >= 0 && definitionsEnd <= Math.min(bytes, packed.length)))
    throw new Error("its parts are larger than itself");
  const repetitions = levelsIn(packed, 0, repetitionsEnd, levels.repetition, count);
  const definitions = levelsIn(packed, repetitionsEnd, definitionsEnd, levels.definition, count);
  const rest = packed.subarray(definitionsEnd);
  const page = v2.is_compressed === false ? rest : decompressPage(rest, bytes - definitionsEnd, codec, decompressors);
  return { repetitions, definitions, ...valuesIn(page, 0, v2.encoding, presentOf(definitions, levels, count), element) };
}

function endOfRuns(page: Uint8Array, at: number): number {
  return at + 4 + new DataView(page.buffer, page.byteOffset, page.byteLength).getUint32(at, true);
}

function levelsIn(page: Uint8Array, from: number, to: number, deepest: number, count: number): Uint8Array | null {
  return deepest === 0 ? null : unpackRuns(page, from, to, 32 - Math.clz32(deepest), new Uint8Array(count));
}

function presentOf(definitions: Uint8Array | null, { definition }: PageLevels, count: number): number {
  return definitions === null ? count : definitions.reduce((sum, level) => sum + (level === definition ? 1 : 0), 0);
}

function valuesIn(
  page: Uint8Array,
  at: number,
  encoding: string,
  count: number,
  element: SchemaElement,
): { readonly values: DecodedArray; readonly areIndexes: boolean } {
  const areIndexes = encoding.endsWith("_DICTIONARY");
  if (count === 0) return { values: [], areIndexes };
  if (areIndexes) return { values: unpackRuns(page, at + 1, page.length, page[at] ?? 0, new Uint32Array(count)), areIndexes };
  const reader = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: at };
  const type = element.type as ParquetType;
  switch (encoding) {
    case "PLAIN":
      return { values: readPlain(reader, type, count, element.type_length), areIndexes };
    case "RLE":
      return { values: unpackRuns(page, at + 4, endOfRuns(page, at), 1, new Uint8Array(count)), areIndexes };
    case "BYTE_STREAM_SPLIT":
      return { values: byteStreamSplit(reader, count, type, element.type_length), areIndexes };
    case "DELTA_BINARY_PACKED": {
      const values = type === "INT32" ? new Int32Array(count) : new BigInt64Array(count);
      deltaBinaryUnpack(reader, count, values);
      return { values, areIndexes };
    }
    case "DELTA_LENGTH_BYTE_ARRAY":
    case "DELTA_BYTE_ARRAY": {
      const values: Uint8Array[] = new Array(count);
      (encoding === "DELTA_BYTE_ARRAY" ? deltaByteArray : deltaLengthByteArray)(reader, count, values);
      return { values, areIndexes };
    }
    default:
      throw new Error(`it is encoded as ${encoding}, which is not read`);
  }
}

/** Fills `values` from runs of one value and groups of eight packed ones, of `width` bits each. @throws Error when there are not enough. */
export function unpackRuns<Values extends Uint8Array | Uint32Array>(bytes: Uint8Array, from: number, to: number, width: number, values: Values): Values {
  if (width === 0) return values;
  let at = from;
  const next = (): number => {
    if (at >= Math.min(to, bytes.length)) throw new Error("its runs end too early");
    return bytes[at++] as number;
  };
  for (let filled = 0; filled < values.length; ) {
    const header = varint(next);
    const isPacked = header % 2 === 1;
    const length = Math.min(values.length - filled, isPacked ? (header - 1) * 4 : header / 2);
    if (isPacked) {
      if (8 * at + length * width > 8 * Math.min(to, bytes.length)) throw new Error("its runs end too early");
      for (let i = 0; i < length; i++) values[filled + i] = bitsAt(bytes, 8 * at + i * width, width);
      at += ((header - 1) / 2) * width;
    } else {
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value += next() * 2 ** shift;
      values.fill(value, filled, filled + length);
    }
    filled += length;
  }
  return values;
}

function varint(next: () => number): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = next();
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new Error("the header of a run has no end");
}

function bitsAt(bytes: Uint8Array, bit: number, width: number): number {
  let value = 0;
  for (let got = 0; got < width; ) {
    const at = bit + got;
    const take = Math.min(8 - (at & 7), width - got);
    value += (((bytes[at >> 3] as number) >> (at & 7)) & ((1 << take) - 1)) * 2 ** got;
    got += take;
  }
  return value;
}
