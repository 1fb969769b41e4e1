// The codecs of Parquet pages. None writes more than the page says that it holds.
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { type Compressors, snappyUncompress } from "hyparquet";
import { decompressLz4, decompressLz4Raw } from "hyparquet-compressors";

export const decompressors: Compressors = {
  SNAPPY: (packed, bytes) => {
    const page = new Uint8Array(bytes);
    snappyUncompress(packed, page);
    return page;
  },
  GZIP: (packed, bytes) => gunzipSync(packed, limit(bytes)),
  BROTLI: (packed, bytes) => brotliDecompressSync(packed, limit(bytes)),
  ZSTD: (packed, bytes) => zstdDecompressSync(packed, limit(bytes)),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

/** Of an empty page nothing is left to unpack, but 0 is no limit. */
function limit(bytes: number): { readonly maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, bytes) };
}
