// The host's half of the tensor bodies, for the tests: writes INFER, reads RESULT. Shares no code with the harness.

const DATATYPES = ["", "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES", "BF16"];
const CONTENT_TYPES = ["", "np", "pd", "str", "base64", "datetime"];

/**
 * @typedef {{index: number, datatype: string, content_type?: string | null, shape: number[], data: Buffer}} WireTensor
 * @typedef {{segments: number[], tensors: WireTensor[], errors?: any[] | null}} TensorBody
 */

/** @param {TensorBody} body */
export function encodeBody({ segments, tensors }) {
  const words = [0, segments.length, tensors.length, 0, ...segments];
  for (const { index, datatype, content_type, shape, data } of tensors)
    words.push(index, DATATYPES.indexOf(datatype), CONTENT_TYPES.indexOf(content_type ?? ""), data.length, shape.length, ...shape);
  if (words.length % 2 === 1) words.push(0);
  words[0] = words.length * 4;
  /** @type {Buffer[]} */
  const parts = [Buffer.from(Uint32Array.from(words).buffer)];
  tensors.forEach(({ data }, i) => {
    parts.push(data, Buffer.alloc(i === tensors.length - 1 ? 0 : (8 - (data.length % 8)) % 8));
  });
  return Buffer.concat(parts);
}

/** @param {Buffer} body @returns {Required<TensorBody>} */
export function decodeBody(body) {
  const word = (/** @type {number} */ at) => body.readUInt32LE(at * 4);
  const segmentCount = word(1);
  const segments = Array.from({ length: segmentCount }, (_, i) => word(4 + i));
  const tensors = [];
  let at = 4 + segmentCount;
  let offset = word(0);
  for (let i = 0; i < word(2); i++) {
    const rank = word(at + 4);
    const shape = Array.from({ length: rank }, (_, d) => word(at + 5 + d));
    offset = Math.ceil(offset / 8) * 8;
    const data = body.subarray(offset, offset + word(at + 3));
    tensors.push({ index: word(at), datatype: DATATYPES[word(at + 1)], content_type: CONTENT_TYPES[word(at + 2)] || null, shape, data });
    offset += data.length;
    at += 5 + rank;
  }
  if (word(3) === 0) return { segments, tensors, errors: null };
  offset = Math.ceil(offset / 8) * 8;
  return { segments, tensors, errors: JSON.parse(body.toString("utf8", offset, offset + word(3))).errors };
}

/** @param {...(string | Buffer)} elements */
export function bytesElements(...elements) {
  return Buffer.concat(
    elements.flatMap((element) => {
      const data = Buffer.from(/** @type {string} */ (element));
      return [Buffer.from(Uint32Array.of(data.length).buffer), data];
    }),
  );
}

/** @param {ArrayBufferView} array */
export function raw(array) {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
