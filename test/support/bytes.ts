// Raw tensor bytes for tests, written with DataView alone: nothing here is shared with the code under test.

function packed(size: number, count: number, set: (view: DataView, at: number, i: number) => void): Buffer {
  const out = Buffer.alloc(size * count);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  for (let i = 0; i < count; i++) set(view, i * size, i);
  return out;
}

export function float32(...values: number[]): Buffer {
  return packed(4, values.length, (view, at, i) => view.setFloat32(at, values[i] as number, true));
}

export function float64(...values: number[]): Buffer {
  return packed(8, values.length, (view, at, i) => view.setFloat64(at, values[i] as number, true));
}

export function int32(...values: number[]): Buffer {
  return packed(4, values.length, (view, at, i) => view.setInt32(at, values[i] as number, true));
}

export function int64(...values: bigint[]): Buffer {
  return packed(8, values.length, (view, at, i) => view.setBigInt64(at, values[i] as bigint, true));
}

/** BYTES elements: a 4-byte length before each. */
export function elements(...values: (string | Uint8Array)[]): Buffer {
  const parts = values.map((value) => Buffer.from(value));
  return Buffer.concat(parts.flatMap((part) => [packed(4, 1, (view) => view.setUint32(0, part.length, true)), part]));
}
