// Tensors as a caller sends and gets them: raw bytes and, where the protocol has them, typed contents. Built from the platform's
// typed arrays, so that they share no code with what they test.
import assert from "node:assert/strict";

export type Contents = Readonly<Record<string, readonly unknown[]>>;

export interface SentTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: Buffer;
  /** Null for FP16 and BF16, which travel raw only. */
  readonly contents: Contents | null;
}

export interface ReceivedTensor {
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: Buffer;
}

export type Element = number | bigint | boolean | string | Buffer;

interface Form {
  readonly field: string | null;
  toRaw(values: readonly Element[]): Buffer;
}

function bufferOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

const numbers = (field: string | null, make: (values: number[]) => ArrayBufferView): Form => ({ field, toRaw: (values) => bufferOf(make(values.map(Number))) });
const bigints = (field: string, make: (values: bigint[]) => ArrayBufferView): Form => ({
  field,
  toRaw: (values) => bufferOf(make(values.map((value) => BigInt(value as bigint)))),
});

const FORMS: Record<string, Form> = {
  BOOL: numbers("bool_contents", (values) => Uint8Array.from(values)),
  INT8: numbers("int_contents", (values) => Int8Array.from(values)),
  INT16: numbers("int_contents", (values) => Int16Array.from(values)),
  INT32: numbers("int_contents", (values) => Int32Array.from(values)),
  INT64: bigints("int64_contents", (values) => BigInt64Array.from(values)),
  UINT8: numbers("uint_contents", (values) => Uint8Array.from(values)),
  UINT16: numbers("uint_contents", (values) => Uint16Array.from(values)),
  UINT32: numbers("uint_contents", (values) => Uint32Array.from(values)),
  UINT64: bigints("uint64_contents", (values) => BigUint64Array.from(values)),
  FP32: numbers("fp32_contents", (values) => Float32Array.from(values)),
  FP64: numbers("fp64_contents", (values) => Float64Array.from(values)),
  // Elements are the 16 bits themselves.
  FP16: numbers(null, (values) => Uint16Array.from(values)),
  BF16: numbers(null, (values) => Uint16Array.from(values)),
  BYTES: {
    field: "bytes_contents",
    toRaw: (values) =>
      Buffer.concat(
        values.flatMap((value) => {
          const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value));
          const length = Buffer.alloc(4);
          length.writeUInt32LE(bytes.length);
          return [length, bytes];
        }),
      ),
  },
};

/** A tensor of these elements, row-major; without a shape a vector. FP16 and BF16 elements are given as their 16 bits. */
export function tensor(name: string, datatype: string, elements: readonly Element[], shape: readonly number[] = [elements.length]): SentTensor {
  const form = FORMS[datatype];
  if (form === undefined) throw new Error(`no datatype ${datatype}`);
  const contents = form.field === null ? null : { [form.field]: elements.map(toContent) };
  return { name, datatype, shape, data: form.toRaw(elements), contents };
}

/** 64-bit integers travel as decimal text into the protobuf library, bytes as they are. */
function toContent(element: Element): unknown {
  if (typeof element === "bigint") return String(element);
  return typeof element === "string" ? Buffer.from(element) : element;
}

/** A tensor of raw bytes, for what no element can say. */
export function rawTensor(name: string, datatype: string, shape: readonly number[], data: Buffer): SentTensor {
  return { name, datatype, shape, data, contents: null };
}

/** Bytes of a difference that are worth showing. */
const SHOWN_BYTES = 4096;

/** Holds an answer against the expected tensor: data type, shape and every byte. */
export function assertSameTensor(actual: ReceivedTensor | undefined, expected: SentTensor): void {
  assert.ok(actual !== undefined, `output '${expected.name}' is missing`);
  const described = ({ datatype, shape, data }: ReceivedTensor): object => ({ datatype, shape: [...shape], bytes: data.length });
  assert.deepEqual(described(actual), described(expected), `output '${expected.name}'`);
  if (actual.data.equals(expected.data)) return;
  const at = expected.data.findIndex((byte, i) => byte !== actual.data[i]);
  const shown = (data: Buffer): string => data.subarray(at, at + SHOWN_BYTES).toString("hex");
  assert.equal(shown(actual.data), shown(expected.data), `output '${expected.name}' differs from byte ${at} on`);
}
