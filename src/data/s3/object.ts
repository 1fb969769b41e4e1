// An object of S3 as it was at one moment: its tag, and its bytes, also over connections that break.
import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { S3Address } from "./address.ts";
import type { S3Client } from "./client.ts";
import { S3Failure } from "./failure.ts";

/** Connections in a row that break before a byte has come. */
const MAX_BREAKS = 10;
const BREAK_PAUSE_MS = 500;

/** What tells this content of the object from any other. @throws S3Failure */
export async function tagOf(client: S3Client, address: S3Address): Promise<string> {
  const action = "s3:GetObject";
  try {
    // The answer to HEAD would not say what is wrong.
    return tagIn((await client.call(address, { method: "GET", action, headers: { range: "bytes=0-0" } })).headers);
  } catch (error) {
    // Nothing has no first byte.
    if (!(error instanceof S3Failure && error.reason === "InvalidRange")) throw error;
    return tagIn((await client.call(address, { method: "HEAD", action })).headers);
  }
}

/**
 * All bytes of the content that has this tag; null: of the one that the object has now.
 * @throws S3Failure, also between two pieces: it has changed or is gone, or the store does not answer for the client's patience.
 */
export async function* bytesOfObject(client: S3Client, address: S3Address, tag: string | null): AsyncGenerator<Buffer, void, void> {
  let at = 0;
  let breaks = 0;
  for (let total = Number.POSITIVE_INFINITY; at < total; ) {
    const headers = { ...(at === 0 ? {} : { range: `bytes=${at}-` }), ...(tag === null ? {} : { "if-match": tag }) };
    const response = await client.open(address, { method: "GET", action: "s3:GetObject", headers });
    tag = tagIn(response.headers);
    if (response.statusCode !== (at === 0 ? 200 : 206)) throw noStore(`it answers ${response.statusCode} to a request from byte ${at} on`);
    total = at + lengthIn(response.headers);
    const before = at;
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        at += piece.length;
        yield piece;
      }
    } catch (error) {
      // It broke off: the rest comes with another request.
      breaks = at > before ? 0 : breaks + 1;
      if (breaks === MAX_BREAKS)
        throw new S3Failure("STORAGE_UNAVAILABLE", `s3://${address.bucket}/${address.key} breaks off at byte ${at}: ${(error as Error).message}`, "", true);
      if (breaks > 0) await delay(BREAK_PAUSE_MS);
    } finally {
      response.destroy();
    }
  }
}

/** @throws S3Failure */
export function tagIn({ etag }: IncomingHttpHeaders): string {
  if (etag !== undefined) return etag;
  throw noStore("it says no ETag");
}

function lengthIn(headers: IncomingHttpHeaders): number {
  const length = Number(headers["content-length"]);
  if (Number.isSafeInteger(length)) return length;
  throw noStore("it says no Content-Length");
}

function noStore(why: string): S3Failure {
  return new S3Failure("STORAGE_REFUSED", `what answers at the endpoint is no S3 store: ${why}`, "", false);
}
