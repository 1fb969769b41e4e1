// Rows for a model, drawn from its golden inputs: each value from a random recorded row, numbers scaled a little. A fixed seed.
import type { Datatype } from "../../src/core/datatype.ts";
import { bytesElements, type JsonValue, joinBytesElements, tensorFromJson, tensorToJson } from "../../src/core/json-tensor.ts";
import type { ModelVersion } from "../../src/core/model.ts";
import { readGolden } from "../../src/registry/golden.ts";

export interface Column {
  readonly name: string;
  readonly datatype: Datatype;
  readonly values: readonly JsonValue[];
}

export interface Rows {
  readonly count: number;
  readonly columns: readonly Column[];
}

export function generateRows(version: ModelVersion, count: number, seed = 1): Rows {
  const random = generator(seed);
  const golden = readGolden(version.folder, version.manifest.golden);
  const columns = (golden[0]?.inputs ?? []).map(({ name, tensor }): Column => {
    const recorded = golden.flatMap((file) => file.inputs.filter((input) => input.name === name).flatMap((input) => tensorToJson(name, input.tensor).data));
    const draw = (): JsonValue => {
      const value = recorded[Math.floor(random() * recorded.length)] as JsonValue;
      return tensor.datatype === "FP64" && typeof value === "number" ? value * (0.9 + 0.2 * random()) : value;
    };
    return { name, datatype: tensor.datatype, values: Array.from({ length: count }, draw) };
  });
  return { count, columns };
}

/** Sizes of requests, 1 to `max` rows each, that add up to `count`. */
export function requestSizes(count: number, max: number, seed = 2): number[] {
  const random = generator(seed);
  const sizes: number[] = [];
  for (let left = count; left > 0; left -= sizes.at(-1) as number) sizes.push(Math.min(left, 1 + Math.floor(random() * max)));
  return sizes;
}

/** The raw bytes of a column's values from `from` on. */
export function rawColumn(column: Column, from: number, size: number): Buffer {
  return tensorFromJson({ name: column.name, datatype: column.datatype, shape: [size], data: column.values.slice(from, from + size) }).data as Buffer;
}

/** Elements of several raw BYTES tensors, as one raw tensor. */
export function joinRaw(datatype: string, parts: readonly Uint8Array[]): Buffer {
  return datatype === "BYTES" ? joinBytesElements(parts.flatMap(bytesElements)) : Buffer.concat(parts);
}

/** A small generator (mulberry32): the same rows on every machine. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
