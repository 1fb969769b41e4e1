// Names of S3: `s3://bucket/key`, what is allowed in them, and the URL that an object has at its store.
import { IdiomError } from "../../core/errors.ts";

export interface S3Settings {
  /** `https://host:port` of a store that is not Amazon's; null: Amazon's, in the region. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that end by themselves. */
  readonly sessionToken: string | null;
  /** Whether the bucket is the first part of the path instead of the host's name. */
  readonly pathStyle: boolean;
}

export interface S3Address {
  readonly bucket: string;
  readonly key: string;
}

const SCHEME = "s3://";
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** The longest that S3 takes, in bytes. */
const MAX_KEY_BYTES = 1024;

export function isS3(path: string): boolean {
  return path.startsWith(SCHEME);
}

/** `s3://bucket` alone has the key "". @throws IdiomError INVALID_REQUEST */
export function parseS3(path: string): S3Address {
  const [bucket = "", ...rest] = path.slice(SCHEME.length).split("/");
  const key = rest.join("/");
  if (!BUCKET.test(bucket)) throw new IdiomError("INVALID_REQUEST", `'${path}' names no bucket; write it like s3://bucket/folder/file.csv`);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw new IdiomError("INVALID_REQUEST", `the key of ${path.slice(0, 80)}... is longer than ${MAX_KEY_BYTES} bytes`);
  // In an URL these lead elsewhere, out of a root too.
  if (rest.some((part) => part === "." || part === ".."))
    throw new IdiomError("INVALID_REQUEST", `'${path}' has a part '.' or '..'; write the key without them`);
  return { bucket, key };
}

/** Where requests for an object go; for the bucket itself, with the key "". */
export function urlOf({ bucket, key }: S3Address, { endpoint, region, pathStyle }: S3Settings): URL {
  const store = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  const path = key.split("/").map(encoded).join("/");
  if (!pathStyle) store.host = `${bucket}.${store.host}`;
  store.pathname = `${store.pathname.replace(/\/$/, "")}/${pathStyle ? `${bucket}/` : ""}${path}`;
  return store;
}

/** As S3 writes them in what it signs: all but these is escaped. */
function encoded(part: string): string {
  return encodeURIComponent(part).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
