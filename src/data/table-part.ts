// A part of an output whose columns have types: blocks of answers, the bits as the model gave them, until all are joined.
import { closeSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { IdiomError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import { Block, type BlockInput, encodeBlock } from "./block.ts";
import type { BlockAnswer } from "./write-task.ts";

/** What a block's rows came to, each slice with its length before it. */
export function* tableSlices(block: Block, answer: BlockAnswer): Generator<Buffer, void, void> {
  const kept = keptOf(block, answer);
  const { outputs } = answer;
  if (outputs.kind === "rows") {
    const rows = outputs.tensors[0]?.shape[0] ?? 0;
    if (rows > 0)
      yield encodeSlice(
        rows,
        outputs.tensors.map((tensor) => ({ datatype: tensor.datatype, rowShape: tensor.shape.slice(1), data: tensor.data })),
        kept,
      );
    return;
  }
  const { calls } = outputs;
  for (let from = 0, to = 0; from < calls.length; from = to) {
    const shapes = shapesOf(calls[from] as readonly Tensor[]);
    while (to < calls.length && isDeepStrictEqual(shapesOf(calls[to] as readonly Tensor[]), shapes)) to++;
    yield encodeSlice(to - from, joined(calls.slice(from, to), shapes), kept.slice(from, to));
  }
}

/** The slices of a part, one after the other. @throws IdiomError INTERNAL when it ends within one */
export function* readSlices(path: string): Generator<Block, void, void> {
  const file = openSync(path, "r");
  try {
    for (let length = readLength(file, path); length !== null; length = readLength(file, path)) {
      const bytes = Buffer.allocUnsafeSlow(length);
      if (readInto(file, bytes) < length) throw damaged(path);
      yield new Block(bytes);
    }
  } finally {
    closeSync(file);
  }
}

function readLength(file: number, path: string): number | null {
  const length = Buffer.alloc(4);
  const read = readInto(file, length);
  if (read > 0 && read < length.length) throw damaged(path);
  return read === 0 ? null : length.readUInt32LE();
}

/** Returns how many bytes were there: fewer than asked for at the end of the file. */
function readInto(file: number, bytes: Buffer): number {
  let at = 0;
  for (let read = -1; read !== 0 && at < bytes.length; at += read) read = readSync(file, bytes, at, bytes.length - at, null);
  return at;
}

function damaged(path: string): IdiomError {
  return new IdiomError("INTERNAL", `${basename(path)} of the job is shorter than it was`);
}

function keptOf(block: Block, { fromRow, toRow, failed }: BlockAnswer): Uint8Array[] {
  const { from, to } = block.places(fromRow, toRow);
  const without = new Set(failed.map(({ place }) => place));
  return block
    .keptRows()
    .slice(from, to)
    .filter((_, i) => !without.has(from + i));
}

function encodeSlice(rows: number, columns: readonly BlockInput[], kept: readonly Uint8Array[]): Buffer {
  const cells = kept.flatMap((json) => [lengthOf(json), json]);
  const bytes = encodeBlock(0, rows, columns, Buffer.concat(cells), []);
  return Buffer.concat([lengthOf(bytes), bytes]);
}

function lengthOf(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return length;
}

/** Of one row's answer: a first dimension of 1 is the row's. */
function shapesOf(call: readonly Tensor[]): (readonly number[])[] {
  return call.map(({ shape }) => (shape[0] === 1 ? shape.slice(1) : shape));
}

function joined(calls: readonly (readonly Tensor[])[], shapes: readonly (readonly number[])[]): BlockInput[] {
  return shapes.map((rowShape, i) => {
    const tensors = calls.map((call) => call[i] as Tensor);
    return { datatype: (tensors[0] as Tensor).datatype, rowShape, data: Buffer.concat(tensors.map(({ data }) => data)) };
  });
}
