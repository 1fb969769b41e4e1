// A message within the size limit can still be a bomb: millions of two-byte elements become objects of fifty times their size.
// This walks the wire format once, without decoding, and counts what decoding would make.
import protobuf from "protobufjs";

/** Messages below this decode to little, whatever is in them. */
const SMALL_BYTES = 2 ** 20;
/** Typed elements, parameters, tensors: everything that becomes a value or object of its own. */
const MAX_VALUES = 2_000_000;

const LENGTH_DELIMITED = 2;
const REQUEST_INPUTS = 5;
const INPUT_SHAPE = 3;
const INPUT_CONTENTS = 5;
/** Bytes of one element in a packed field of InferTensorContents, at least. */
const PACKED_WIDTH: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 4, 7: 8 };

/** Why a ModelInferRequest of these bytes shall not be decoded, or null. Malformed bytes are left to the decoder. */
export function messageBomb(bytes: Buffer): string | null {
  if (bytes.length < SMALL_BYTES) return null;
  try {
    const values = countRequest(new protobuf.BufferReader(bytes));
    if (values <= MAX_VALUES) return null;
    return `the request has more than ${MAX_VALUES} separate values; send large tensors in raw_input_contents`;
  } catch {
    return null;
  }
}

function countRequest(reader: protobuf.Reader): number {
  return countFields(reader, reader.len, (field) => (field === REQUEST_INPUTS ? countInput : null));
}

function countInput(reader: protobuf.Reader, end: number): number {
  return countFields(reader, end, (field) => {
    if (field === INPUT_CONTENTS) return countContents;
    return field === INPUT_SHAPE ? packed(1) : null;
  });
}

function countContents(reader: protobuf.Reader, end: number): number {
  return countFields(reader, end, (field) => {
    const width = PACKED_WIDTH[field];
    return width === undefined ? null : packed(width);
  });
}

/** Elements of so many bytes at least. */
function packed(width: number): Count {
  return (reader, end) => {
    const elements = (end - reader.pos) / width;
    reader.pos = end;
    return elements;
  };
}

type Count = (reader: protobuf.Reader, end: number) => number;

/** One for each field, and for those that `within` knows what they hold. */
function countFields(reader: protobuf.Reader, end: number, within: (field: number) => Count | null): number {
  let values = 0;
  while (reader.pos < end && values <= MAX_VALUES) {
    const tag = reader.uint32();
    const inner = (tag & 7) === LENGTH_DELIMITED ? within(tag >>> 3) : null;
    values++;
    if (inner === null) reader.skipType(tag & 7);
    else {
      const length = reader.uint32();
      values += inner(reader, reader.pos + length);
    }
  }
  return values;
}
