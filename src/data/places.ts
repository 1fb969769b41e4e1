// The places of this server that jobs may name: files and objects below the roots that its operator has named. What is named is looked
// at once, so that what cannot be read or written is known before any row is scored.
import { IdiomError } from "../core/errors.ts";
import { openSource, type Source } from "./endpoints.ts";
import { Roots } from "./roots.ts";
import { isS3, parseS3, type S3Address, type S3Settings } from "./s3/address.ts";
import { S3Client } from "./s3/client.ts";
import { tagOf } from "./s3/object.ts";
import { tryUpload } from "./s3/upload.ts";

/** A caller waits for the answer. */
const PATIENCE_MS = 3000;

export interface PlacesOptions {
  /** Folders of this machine, and `s3://bucket/prefix`. */
  readonly batchRoots: readonly string[];
  readonly s3: {
    readonly endpoint: string | null;
    readonly region: string;
    readonly accessKeyId: string | null;
    readonly secretAccessKey: string | null;
    readonly sessionToken: string | null;
    readonly pathStyle: boolean | null;
  };
}

export class Places {
  /** Null without a root in S3. */
  readonly s3: S3Settings | null;
  readonly #files: Roots;
  readonly #objects: readonly S3Address[];
  readonly #client: S3Client | null;

  /** @throws IdiomError CONFIG_INVALID when a root is no folder and no bucket, or the keys to a bucket are not there. */
  constructor({ batchRoots, s3 }: PlacesOptions) {
    this.#files = new Roots(batchRoots.filter((root) => !isS3(root)));
    this.#objects = batchRoots.filter(isS3).map(rootOf);
    this.s3 = this.#objects.length === 0 ? null : settingsOf(s3);
    this.#client = this.s3 === null ? null : new S3Client(this.s3, PATIENCE_MS);
  }

  /** What to read there. @throws IdiomError PATH_NOT_ALLOWED, INVALID_REQUEST, DATASET_INVALID, STORAGE_UNAVAILABLE, STORAGE_REFUSED */
  async readable(path: string): Promise<Source> {
    if (!isS3(path)) return { path: this.#files.readable(path), tag: null };
    const { client, address } = this.#object(path);
    return { path, tag: await tagOf(client, address) };
  }

  /** Where to write. @throws as `readable` */
  async writable(path: string): Promise<string> {
    if (!isS3(path)) return this.#files.writable(path);
    const { client, address } = this.#object(path);
    await tryUpload(client, address);
    return path;
  }

  /** The bytes there now. @throws as `readable` */
  async read(path: string): Promise<AsyncIterable<Uint8Array>> {
    const source = await this.readable(path);
    return openSource(source, this.s3);
  }

  #object(path: string): { readonly client: S3Client; readonly address: S3Address } {
    const address = parseS3(path);
    if (this.#client === null || !this.#objects.some((root) => isBelow(address, root))) throw this.#refused(path);
    if (address.key === "" || address.key.endsWith("/"))
      throw new IdiomError("INVALID_REQUEST", `${path} names no object; write it like s3://bucket/folder/file.csv`);
    return { client: this.#client, address };
  }

  #refused(path: string): IdiomError {
    const roots = this.#objects.map(({ bucket, key }) => `s3://${bucket}/${key}`);
    const where = roots.length === 0 ? "it has no root in S3 (IDIOM_BATCH_ROOTS)" : `its roots there are ${roots.join(", ")}`;
    return new IdiomError("PATH_NOT_ALLOWED", `${path} is not a place that this server reads or writes for jobs: ${where}`);
  }
}

/** The key of a root ends with a slash, or is empty. */
function rootOf(root: string): S3Address {
  try {
    const { bucket, key } = parseS3(root);
    return { bucket, key: key === "" || key.endsWith("/") ? key : `${key}/` };
  } catch (error) {
    throw new IdiomError("CONFIG_INVALID", `batchRoots (IDIOM_BATCH_ROOTS): ${(error as Error).message}`);
  }
}

function isBelow({ bucket, key }: S3Address, root: S3Address): boolean {
  return bucket === root.bucket && key.startsWith(root.key);
}

function settingsOf({ endpoint, region, accessKeyId, secretAccessKey, sessionToken, pathStyle }: PlacesOptions["s3"]): S3Settings {
  if (accessKeyId === null || secretAccessKey === null)
    throw new IdiomError(
      "CONFIG_INVALID",
      "IDIOM_BATCH_ROOTS names a bucket of S3, and the keys to it are not there: set IDIOM_S3_ACCESS_KEY_ID and IDIOM_S3_SECRET_ACCESS_KEY (or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)",
    );
  // Other stores than Amazon's seldom have a name for each bucket.
  return { endpoint, region, accessKeyId, secretAccessKey, sessionToken, pathStyle: pathStyle ?? endpoint !== null };
}
