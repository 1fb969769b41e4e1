// Bytes of frames and tensors, built from PROTOCOL.md alone: shares no code with the host or a harness.
export const TYPES = {
  HELLO: 0x01,
  INIT: 0x02,
  LOADED: 0x03,
  BIND: 0x04,
  READY: 0x05,
  FAILED: 0x06,
  LOG: 0x07,
  CANCEL: 0x08,
  PING: 0x09,
  PONG: 0x0a,
  DRAIN: 0x0b,
  BYE: 0x0c,
  INFER: 0x10,
  RESULT: 0x11,
  ERROR: 0x12,
  FORK: 0x20,
  FORKED: 0x21,
  TAKEN: 0x22,
  EXITED: 0x23,
} as const;
const DATATYPES = {
  BOOL: 1,
  UINT8: 2,
  UINT16: 3,
  UINT32: 4,
  UINT64: 5,
  INT8: 6,
  INT16: 7,
  INT32: 8,
  INT64: 9,
  FP16: 10,
  FP32: 11,
  FP64: 12,
  BYTES: 13,
  BF16: 14,
} as const;
const CONTENT_TYPES = { np: 1, pd: 2, str: 3, base64: 4, datetime: 5 } as const;
export const DEFAULT_MAX_FRAME = 64 * 1024 * 1024;

export type TypeName = keyof typeof TYPES;
export type Datatype = keyof typeof DATATYPES;
export type ContentType = keyof typeof CONTENT_TYPES;
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Tensor {
  index: number;
  datatype: Datatype;
  content_type: ContentType | null;
  shape: number[];
  data: Buffer;
}

export interface TensorBody {
  segments: number[];
  tensors: Tensor[];
  errors: Json[] | null;
}

export interface TensorBodyWords {
  headerLength?: number;
  segmentCount?: number;
  jsonLength?: number;
  words?: (words: number[]) => number[];
  tail?: Buffer;
}
export function words(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => void out.writeUInt32LE(value >>> 0, i * 4));
  return out;
}

function padded(part: Buffer): Buffer {
  return Buffer.concat([part, Buffer.alloc((8 - (part.length % 8)) % 8)]);
}

function tensorBody(body: TensorBody, change: TensorBodyWords = {}): Buffer {
  const json = body.errors === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify({ errors: body.errors }));
  let head = [0, change.segmentCount ?? body.segments.length, body.tensors.length, change.jsonLength ?? json.length, ...body.segments];
  for (const tensor of body.tensors) {
    const contentType = tensor.content_type === null ? 0 : CONTENT_TYPES[tensor.content_type];
    head.push(tensor.index, DATATYPES[tensor.datatype], contentType, tensor.data.length, tensor.shape.length, ...tensor.shape);
  }
  if (head.length % 2 === 1) head.push(0);
  head[0] = change.headerLength ?? head.length * 4;
  head = change.words?.(head) ?? head;
  const parts: Buffer[] = [words(...head)];
  body.tensors.forEach((tensor, i) => {
    const last = i === body.tensors.length - 1 && json.length === 0;
    parts.push(last ? tensor.data : padded(tensor.data));
  });
  return Buffer.concat([...parts, json, change.tail ?? Buffer.alloc(0)]);
}

export function frame(type: number, id: bigint, body: Buffer, length = body.length): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(length, 0);
  header.writeUInt8(type, 4);
  header.writeBigUInt64LE(id, 8);
  return Buffer.concat([header, body]);
}

export function jsonFrame(type: TypeName, json: Json, id = 0n): Buffer {
  return frame(TYPES[type], id, Buffer.from(JSON.stringify(json)));
}

export function tensorFrame(type: "INFER" | "RESULT", id: bigint, body: TensorBody, change: TensorBodyWords = {}): Buffer {
  return frame(TYPES[type], id, tensorBody(body, change));
}

export function bytesElements(...elements: (string | Buffer)[]): Buffer {
  return Buffer.concat(
    elements.flatMap((e) => {
      const data = typeof e === "string" ? Buffer.from(e) : e;
      return [words(data.length), data];
    }),
  );
}

export function floats(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => void out.writeFloatLE(value, i * 4));
  return out;
}

export function doubles(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 8);
  values.forEach((value, i) => void out.writeDoubleLE(value, i * 8));
  return out;
}

export function ints(size: 1 | 2 | 4 | 8, ...values: bigint[]): Buffer {
  const out = Buffer.alloc(values.length * size);
  values.forEach((value, i) => {
    const bits = BigInt.asUintN(size * 8, value);
    for (let b = 0; b < size; b++) out[i * size + b] = Number((bits >> BigInt(8 * b)) & 0xffn);
  });
  return out;
}

export function tensor(index: number, datatype: Datatype, shape: number[], data: Buffer, contentType: ContentType | null = null): Tensor {
  return { index, datatype, content_type: contentType, shape, data };
}
