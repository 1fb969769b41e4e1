// A real S3 server for tests, with users and rights, and an object store as others see it: by aws4fetch alone.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import type { S3Settings } from "../../../src/data/s3/address.ts";
import { DATA } from "../data-folder.ts";
import { Lines } from "../lines.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export class Store {
  readonly port: number;
  /** Of a user who may do everything in the bucket `jobs`, and nothing in `others`. */
  readonly user: Keys;
  readonly #process: ChildProcess;
  readonly #owner: AwsClient;

  private constructor(process: ChildProcess, { port, user, owner }: { readonly port: number; readonly user: Keys; readonly owner: Keys }) {
    this.#process = process;
    this.port = port;
    this.user = user;
    this.#owner = new AwsClient({ ...owner, service: "s3", region: "us-east-1", retries: 0 });
  }

  static async start(): Promise<Store> {
    const python = join(DATA, "environments", "tests", "bin", "python");
    const child = spawn(python, [join(import.meta.dirname, "server.py")], { stdio: ["ignore", "pipe", "pipe"] });
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.removeListener("exit", end));
    const log = new Lines(child.stderr);
    try {
      return new Store(child, JSON.parse(await new Lines(child.stdout).first((line) => line)));
    } catch (error) {
      throw new Error(`the S3 server did not start (npm run setup -- --tests):\n${log.text}`, { cause: error });
    }
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  settings(change: Partial<S3Settings> = {}): S3Settings {
    return { endpoint: this.endpoint, region: "us-east-1", ...this.user, sessionToken: null, pathStyle: true, ...change };
  }

  /** What a server needs to use it, by way of `endpoint`. */
  environment(roots: string, endpoint = this.endpoint): NodeJS.ProcessEnv {
    const { accessKeyId, secretAccessKey } = this.user;
    return { IDIOM_BATCH_ROOTS: roots, IDIOM_S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  }

  /** `place`: bucket/key, as it is. */
  async put(place: string, content: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const response = await this.#fetch(place, { method: "PUT", headers, body: Buffer.from(content) });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  }

  /** Null when it is not there. */
  async get(place: string): Promise<Buffer | null> {
    const response = await this.#fetch(place);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.ok) return bytes;
    if (response.status === 404) return null;
    throw new Error(`${response.status}: ${bytes}`);
  }

  async tag(place: string): Promise<string | null> {
    return (await this.#fetch(place, { method: "HEAD" })).headers.get("etag");
  }

  /** Uploads to the bucket that are neither published nor ended. */
  async uploads(bucket: string): Promise<number> {
    const xml = await (await this.#fetch(bucket, {}, "?uploads")).text();
    return xml.split("<Upload>").length - 1;
  }

  async stop(): Promise<void> {
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exited;
  }

  #fetch(place: string, init: RequestInit = {}, query = ""): Promise<Response> {
    return this.#owner.fetch(`${this.endpoint}/${place.split("/").map(encodeURIComponent).join("/")}${query}`, init);
  }
}
