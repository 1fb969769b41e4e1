// Signed requests to an S3 store, again and again while what keeps them from succeeding may pass.
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import { type S3Address, type S3Settings, urlOf } from "./address.ts";
import { refused, S3Failure, unreachable } from "./failure.ts";

/** A store that says nothing for so long has lost us. */
const SILENCE_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** The S3 action, for whoever has to allow it. */
  readonly action: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface S3Answer {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export class S3Client {
  readonly #settings: S3Settings;
  readonly #patienceMs: number;
  /** Keys that are derived once a day. */
  readonly #derived = new Map<string, ArrayBuffer>();

  /** `patienceMs`: how long a request is made again. */
  constructor(settings: S3Settings, patienceMs: number) {
    this.#settings = settings;
    this.#patienceMs = patienceMs;
  }

  /** The whole answer. @throws S3Failure */
  call(address: S3Address, request: S3Request): Promise<S3Answer> {
    return this.#again(async () => {
      const response = await this.#send(address, request);
      const answer = { headers: response.headers, text: await text(response).catch((error: Error) => this.#broke(error)) };
      // What takes long is answered with 200 before it has failed.
      if (answer.text.includes("<Error>")) throw refused({ ...answer, status: 200 }, request.action, address, this.#settings);
      return answer;
    });
  }

  /** An answer whose body is still to be read, and may break off. @throws S3Failure */
  open(address: S3Address, request: S3Request): Promise<IncomingMessage> {
    return this.#again(() => this.#send(address, request));
  }

  /** What the reading of a body failed with. */
  #broke(error: Error): never {
    throw unreachable(error, this.#settings);
  }

  async #again<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
    const startedAt = performance.now();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof S3Failure) || !error.passing || performance.now() - startedAt + pauseMs > this.#patienceMs) throw error;
      }
      await delay(pauseMs * (0.5 + Math.random() / 2));
    }
  }

  async #send(address: S3Address, request: S3Request): Promise<IncomingMessage> {
    const { action, method, query = {}, body = "" } = request;
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.#settings;
    const url = urlOf(address, this.#settings);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const headers = { ...request.headers, "x-amz-content-sha256": createHash("sha256").update(body).digest("hex") };
    const token = sessionToken === null ? {} : { sessionToken };
    const signer = new AwsV4Signer({ method, url: url.href, headers, service: "s3", region, accessKeyId, secretAccessKey, ...token, cache: this.#derived });
    const signed = await signer.sign();
    const response = await this.#exchange(signed.url, method, Object.fromEntries(signed.headers), body).catch((error: Error) => this.#broke(error));
    const status = response.statusCode as number;
    if (status >= 200 && status < 300) return response;
    throw refused({ status, headers: response.headers, text: await text(response).catch(() => "") }, action, address, this.#settings);
  }

  /** Not by `fetch`: it unpacks objects that were stored with a content encoding, and what comes is to be what is stored. */
  async #exchange(url: URL, method: string, headers: Record<string, string>, body: string | Uint8Array): Promise<IncomingMessage> {
    // Loaded with the first request: most threads that read and write datasets never see an object, and start in half the time without.
    const http = await (url.protocol === "https:" ? import("node:https") : import("node:http"));
    return new Promise((resolve, reject) => {
      const request = http.request(url, { method, headers: { ...headers, "content-length": Buffer.byteLength(body) } });
      request.setTimeout(SILENCE_MS, () => request.destroy(new Error(`no answer within ${SILENCE_MS / 1000} s`)));
      request.once("response", resolve);
      request.on("error", reject);
      request.end(body);
    });
  }
}
