// Arrow IPC: the file format (Feather version 2) and the stream format, one record batch at a time.
import { zstdDecompressSync } from "node:zlib";
import { type Data, type DataType, type Field, Message, MetadataVersion, type Schema, Vector } from "apache-arrow";
import { Footer } from "apache-arrow/ipc/metadata/file";
import type { DictionaryBatch, RecordBatch } from "apache-arrow/ipc/metadata/message";
import { CompressedVectorLoader, VectorLoader } from "apache-arrow/visitor/vectorloader";
import { decompressFrame } from "lz4js";
import { arrowColumnType, arrowReader } from "./arrow-values.ts";
import { type BinaryFile, openBinary } from "./binary-file.ts";
import type { ColumnValue } from "./column-value.ts";
import type { TypedFile } from "./typed-rows.ts";

const MAGIC = "ARROW1";
const FEATHER_1_MAGIC = "FEA1";
/** Of the magic at the beginning, with its padding. */
const HEAD_BYTES = 8;
/** The length of the footer, and the magic. */
const TAIL_BYTES = 4 + MAGIC.length;
/** In the footer. */
const BLOCK_BYTES = 24;
const CONTINUATION = 0xffffffff;
/** Of a schema with some hundred thousand columns. */
const MAX_METADATA_BYTES = 32 * 2 ** 20;
const BATCH_ROWS = 1024;
const LZ4 = 0;
const NOT_COMPRESSED = -1n;
const INSTEAD = "write it with smaller record batches (in pyarrow: write_table(table, max_chunksize=100_000))";

interface PlacedMessage {
  readonly message: Message;
  /** Where its body begins. */
  readonly bodyAt: number;
}

/** Takes over the descriptor of a file. @throws IdiomError DATASET_INVALID: neither of both formats, torn, or it does not hold together. */
export function openArrow(descriptor: number): TypedFile {
  return openBinary(descriptor, "Arrow", (file) => {
    const head = file.read(0, Math.min(HEAD_BYTES, file.bytes)).toString("latin1");
    if (head.startsWith(FEATHER_1_MAGIC)) throw file.broken("it is Feather version 1; write it with version 2");
    const { schema, messages } = head.startsWith(MAGIC) ? openFile(file) : openStream(file);
    const columns = file.guard("its schema", () => schema.fields.map(({ name, type }) => ({ name, type: arrowColumnType(type) })));
    return { columns, rows: (wanted) => rowsOf(file, schema, messages, wanted), bytes: file.bytes, close: () => file.close() };
  });
}

interface OpenedFile {
  readonly schema: Schema;
  /** Dictionaries before the batches that need them. */
  readonly messages: Iterable<PlacedMessage>;
}

function openFile(file: BinaryFile): OpenedFile {
  const tail = file.read(Math.max(0, file.bytes - TAIL_BYTES), file.bytes);
  if (file.bytes < HEAD_BYTES + TAIL_BYTES || tail.toString("latin1", 4) !== MAGIC)
    throw file.broken("it does not end as one: it is torn, or was never finished");
  const length = tail.readInt32LE(0);
  if (length > MAX_METADATA_BYTES) throw file.broken(`its footer claims to have ${length} bytes`);
  const bytes = file.read(file.bytes - TAIL_BYTES - length, file.bytes - TAIL_BYTES);
  const { schema, offsets } = file.guard("its footer", () => {
    const footer = Footer.decode(bytes);
    if ((footer.numDictionaries + footer.numRecordBatches) * BLOCK_BYTES > length) throw new Error("its footer names more batches than it can hold");
    return { schema: footer.schema, offsets: [...footer.dictionaryBatches(), ...footer.recordBatches()].map(({ offset }) => offset) };
  });
  return { schema, messages: messagesAt(file, offsets) };
}

function* messagesAt(file: BinaryFile, offsets: readonly number[]): Generator<PlacedMessage, void, void> {
  for (const offset of offsets) {
    const placed = readMessage(file, offset);
    if (placed === null) throw file.broken(`its footer names a batch at byte ${offset}, where there is none`);
    yield placed;
  }
}

function openStream(file: BinaryFile): OpenedFile {
  const first = readMessage(file, 0);
  if (first === null || !first.message.isSchema()) throw file.broken("it begins neither as a file nor as a stream of Arrow");
  return { schema: file.guard("its schema", () => first.message.header() as Schema), messages: messagesFrom(file, first.bodyAt) };
}

function* messagesFrom(file: BinaryFile, from: number): Generator<PlacedMessage, void, void> {
  for (let at = from; ; ) {
    if (at === file.bytes) throw file.broken("the mark of its end is missing: it is torn, or its writer was never closed");
    const placed = readMessage(file, at);
    if (placed === null) return;
    yield placed;
    at = placed.bodyAt + placed.message.bodyLength;
  }
}

/** Null: the end of a stream. */
function readMessage(file: BinaryFile, at: number): PlacedMessage | null {
  const first = file.read(at, at + 4).readUInt32LE(0);
  // Before version 0.15 there was no mark before the length.
  const from = first === CONTINUATION ? at + 8 : at + 4;
  const length = first === CONTINUATION ? file.read(at + 4, at + 8).readUInt32LE(0) : first;
  if (length === 0) return null;
  if (length > MAX_METADATA_BYTES) throw file.broken(`at byte ${at} there is no message of Arrow`);
  const bytes = file.read(from, from + length);
  const message = file.guard(`the message at byte ${at}`, () => Message.decode(bytes));
  if (!(message.bodyLength >= 0)) throw file.broken(`at byte ${at} there is no message of Arrow`);
  return { message, bodyAt: from + length };
}

function* rowsOf(
  file: BinaryFile,
  schema: Schema,
  messages: Iterable<PlacedMessage>,
  wanted: readonly number[],
): Generator<readonly (readonly ColumnValue[])[], void, void> {
  const dictionaries = new Map<number, Vector>();
  const load = (header: RecordBatch, bodyAt: number, bytes: number, types: readonly (Field | DataType)[]): Data[] =>
    file.guard("a batch", () => loadVectors(file, header, file.read(bodyAt, bodyAt + bytes), types, dictionaries));
  for (const { message, bodyAt } of messages) {
    file.hold(message.bodyLength, INSTEAD);
    if (message.isDictionaryBatch()) {
      const { id, isDelta, data } = file.guard("a batch", () => message.header() as DictionaryBatch);
      const values = new Vector(load(data, bodyAt, message.bodyLength, [schema.dictionaries.get(id) as DataType]));
      const before = isDelta ? dictionaries.get(id) : undefined;
      dictionaries.set(id, before === undefined ? values : before.concat(values));
    } else if (message.isRecordBatch()) {
      const header = file.guard("a batch", () => message.header() as RecordBatch);
      const columns = load(header, bodyAt, message.bodyLength, schema.fields);
      const readers = file.guard("a batch", () => wanted.map((i) => arrowReader(columns[i] as Data, header.length)));
      for (let row = 0; row < header.length; row += BATCH_ROWS) {
        const length = Math.min(BATCH_ROWS, header.length - row);
        yield file.guard("a batch", () => Array.from({ length }, (_, i) => readers.map((read) => read(row + i))));
      }
      file.release(message.bodyLength);
    } else throw file.broken("it has a second schema, or something else between its batches");
  }
}

function loadVectors(file: BinaryFile, header: RecordBatch, body: Buffer, types: readonly (Field | DataType)[], dictionaries: Map<number, Vector>): Data[] {
  const { nodes, buffers, compression, variadicBufferCounts } = header;
  for (const { offset, length } of buffers)
    if (!(offset >= 0 && length >= 0 && offset + length <= body.length)) throw new Error("it names bytes behind its end");
  if (compression === null) return new VectorLoader(body, nodes, buffers, dictionaries, MetadataVersion.V5, variadicBufferCounts).visitMany([...types]);
  const unpacked = buffers.map(({ offset, length }) => unpack(file, compression.type, body.subarray(offset, offset + length)));
  const columns = new CompressedVectorLoader(unpacked, nodes, buffers, dictionaries, MetadataVersion.V5, variadicBufferCounts).visitMany([...types]);
  file.release(unpacked.reduce((sum, { length }) => sum + length, 0));
  return columns;
}

/** The buffer begins with the length that it unpacks to. */
function unpack(file: BinaryFile, codec: number, packed: Buffer): Uint8Array {
  if (packed.length === 0) return packed;
  const length = packed.readBigInt64LE(0);
  const bytes = packed.subarray(8);
  if (length === NOT_COMPRESSED) return bytes;
  if (length < 0n) throw new Error("it has a buffer of a length below 0");
  file.hold(Number(length), INSTEAD);
  if (codec !== LZ4) return zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, Number(length)) });
  const unpacked = new Uint8Array(Number(length));
  if (decompressFrame(bytes, unpacked) !== unpacked.length) throw new Error("a buffer of it unpacks to another length than it says");
  return unpacked;
}
