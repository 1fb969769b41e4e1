// An object of S3 as it is written: in parts, several on their way at a time, and there whole or not at all.
import { randomUUID } from "node:crypto";
import type { S3Address } from "./address.ts";
import type { S3Client } from "./client.ts";
import { elementOf, S3Failure } from "./failure.ts";
import { tagIn } from "./object.ts";

const MIN_PART_BYTES = 8 * 2 ** 20;
/** S3 takes 10,000. */
const MAX_PARTS = 9_000;
/** Parts on their way at a time; each is held in memory. */
const SENDING = 3;
/** Of the object, by which a lost answer to the last request can be made good. */
const UPLOAD_HEADER = "x-amz-meta-idiom-upload";

const ACTION = "s3:PutObject";

export class S3Upload {
  readonly #client: S3Client;
  readonly #address: S3Address;
  readonly #begun: (id: string) => void;
  readonly #nonce = randomUUID();
  readonly #partBytes: number;
  readonly #sent: Promise<string>[] = [];
  #part: Buffer;
  #filled = 0;
  /** Null as long as one part is enough. */
  #id: string | null = null;

  /** `bytes`: how many will come, roughly. `begun` hears of what has to be ended with `endUpload` if this process does not get to it. */
  constructor(client: S3Client, address: S3Address, bytes: number, begun: (id: string) => void) {
    this.#client = client;
    this.#address = address;
    this.#begun = begun;
    this.#partBytes = Math.max(MIN_PART_BYTES, Math.ceil(bytes / MAX_PARTS));
    this.#part = Buffer.allocUnsafe(this.#partBytes);
  }

  /** Takes a copy. @throws S3Failure */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === this.#partBytes) await this.#send();
      const piece = bytes.subarray(at, at + this.#partBytes - this.#filled);
      this.#part.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
    }
  }

  /** Puts the object in its place. @throws S3Failure */
  async publish(): Promise<void> {
    if (this.#id === null) {
      await this.#client.call(this.#address, { method: "PUT", action: ACTION, body: this.#part.subarray(0, this.#filled) });
      return;
    }
    await this.#send();
    const tags = await Promise.all(this.#sent);
    const parts = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag.replaceAll('"', "&quot;")}</ETag></Part>`);
    const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
    try {
      await this.#client.call(this.#address, { method: "POST", action: ACTION, query: { uploadId: this.#id }, body });
    } catch (error) {
      // The answer to an earlier attempt was lost on its way.
      if (!(error instanceof S3Failure && error.reason === "NoSuchUpload" && (await this.#isThere()))) throw error;
    }
  }

  /** Nothing is open between two requests. */
  close(): void {}

  async #send(): Promise<void> {
    this.#id ??= await this.#begin();
    const [body, number] = [this.#part.subarray(0, this.#filled), this.#sent.length + 1];
    const query = { partNumber: String(number), uploadId: this.#id };
    const sent = this.#client.call(this.#address, { method: "PUT", action: ACTION, query, body }).then(({ headers }) => tagIn(headers));
    // It is looked at when its turn comes.
    sent.catch(() => {});
    this.#sent.push(sent);
    this.#part = Buffer.allocUnsafe(this.#partBytes);
    this.#filled = 0;
    await this.#sent[this.#sent.length - SENDING];
  }

  async #begin(): Promise<string> {
    const id = await beginUpload(this.#client, this.#address, { [UPLOAD_HEADER]: this.#nonce });
    this.#begun(id);
    return id;
  }

  async #isThere(): Promise<boolean> {
    const { headers } = await this.#client.call(this.#address, { method: "HEAD", action: "s3:GetObject" });
    return headers[UPLOAD_HEADER] === this.#nonce;
  }
}

/** @throws S3Failure when an object cannot be written there. It leaves nothing behind. */
export async function tryUpload(client: S3Client, address: S3Address): Promise<void> {
  await endUpload(client, address, await beginUpload(client, address, {}));
}

/** Ends an upload that will not be published. */
export async function endUpload(client: S3Client, address: S3Address, id: string): Promise<void> {
  try {
    await client.call(address, { method: "DELETE", action: "s3:AbortMultipartUpload", query: { uploadId: id } });
  } catch (error) {
    if (!(error instanceof S3Failure && error.reason === "NoSuchUpload")) throw error;
  }
}

async function beginUpload(client: S3Client, address: S3Address, headers: Readonly<Record<string, string>>): Promise<string> {
  const { text } = await client.call(address, { method: "POST", action: ACTION, query: { uploads: "" }, headers });
  return elementOf(text, "UploadId");
}
