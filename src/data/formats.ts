// How a file of rows is written, as its name says: a format, and a compression around it.

import { IdiomError } from "../core/errors.ts";
import { COMPRESSIONS, type Compression, DATA_FORMATS, type DataFormat, isText } from "../core/job.ts";

const FORMAT_OF: Readonly<Record<string, DataFormat>> = {
  csv: "csv",
  jsonl: "jsonl",
  ndjson: "jsonl",
  parquet: "parquet",
  arrow: "arrow",
  feather: "arrow",
  arrows: "arrow-stream",
};
const COMPRESSION_OF: Readonly<Record<string, Compression>> = { gz: "gzip", gzip: "gzip", zst: "zstd", zstd: "zstd" };

export interface FileFormat {
  readonly format: DataFormat;
  readonly compression: Compression;
}

/**
 * What is said, else what the ending of `name` says, else `otherwise`.
 * @throws IdiomError INVALID_REQUEST when there is no such format, or nothing says which.
 */
export function fileFormat(name: string, said: { readonly format: string; readonly compression: string }, otherwise: FileFormat | null): FileFormat {
  const endings = (name.split("/").at(-1) as string).toLowerCase().split(".").slice(1);
  const packed = COMPRESSION_OF[endings.at(-1) ?? ""];
  const ending = endings.at(packed === undefined ? -1 : -2) ?? "";
  const format = oneOf(DATA_FORMATS, said.format, "format") ?? FORMAT_OF[ending] ?? (name === "" ? otherwise?.format : undefined);
  if (format === undefined) throw new IdiomError("INVALID_REQUEST", `nothing says how '${name}' is written; name the format: ${DATA_FORMATS.join(", ")}`);
  const compression = oneOf(COMPRESSIONS, said.compression, "compression") ?? packed ?? (name === "" ? otherwise?.compression : undefined) ?? "none";
  if (compression !== "none" && !isText(format))
    throw new IdiomError("INVALID_REQUEST", `Parquet and Arrow files are compressed within, and '${name}' says ${compression} around one; leave that away`);
  return { format, compression };
}

function oneOf<Known extends string>(known: readonly Known[], said: string, what: string): Known | undefined {
  if (said === "") return undefined;
  const found = known.find((candidate) => candidate === said);
  if (found === undefined) throw new IdiomError("INVALID_REQUEST", `there is no ${what} '${said}'; there are: ${known.join(", ")}`);
  return found;
}
